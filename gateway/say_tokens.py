"""Tokens with which a tool that answers later can have the agent speak: of one call each, and dead with it."""

import secrets
from uuid import UUID

from bridge.events import SayAddress
from gateway.rest.paths import SAY


class SayTokens:
    """The tokens of the calls under way. One opens `say` of its call and nothing else."""

    def __init__(self, public_url: str) -> None:
        """`public_url` is where tools reach this gateway."""
        self.public_url = public_url.rstrip("/")
        self._holders: dict[str, tuple[UUID, str]] = {}
        """By token: the session, and whose it is."""

    def issue(self, session_id: UUID, owner: str) -> SayAddress:
        """The address and token of a call that begins."""
        token = f"say_{secrets.token_urlsafe(32)}"
        self._holders[token] = session_id, owner
        return SayAddress(self.public_url + SAY.format(session_id=session_id), token)

    def holder(self, token: str) -> tuple[UUID, str] | None:
        """Session and owner of a live token."""
        return self._holders.get(token)

    def withdraw(self, session_id: UUID) -> None:
        """The call is over."""
        self._holders = {token: held for token, held in self._holders.items() if held[0] != session_id}
