"""Who may do what: API keys, client secrets, and the browser's `Host` and `Origin`. Rules only, no I/O."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from gateway.say_tokens import SayTokens
from services.base.problems import Forbidden, Unauthorized
from services.base.serve import is_loopback
from services.base.settings import BadSettings

LOCAL = "local"
"""The owner of what is made on a loopback bind without a key."""

SERVICES = "services"
"""Who shows the internal key: the deployment's own parts."""

MIN_KEY = 16
"""Characters; shorter ones can be guessed."""

MOST_SECRETS = 10_000
"""Live at once; the oldest is let go."""

LIFETIMES_S = (10, 7200)
"""Shortest and longest of a client secret."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A short-lived credential for a client that must not hold the API key."""

    value: str
    owner: str
    expires_at: int
    """Unix time, seconds."""
    session_id: UUID | None
    """Bound to this session alone; None opens new sessions of its owner."""
    begins_with: Mapping[str, Any] = field(default_factory=dict)
    """The wire's session object with which its sessions begin."""
    used: bool = False
    """Its session has begun with it: it opens that one again, after a drop, for as long as the session lives."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in."""

    owner: str
    secret: Secret | None = None
    is_service: bool = False
    """A part of this deployment, by the key that its parts show each other."""
    operator: bool = False
    """Sees and steers everybody's sessions, not only their own."""

    def may_use(self, owner: str | None) -> bool:
        """Whether they may read, end and speak into a session of `owner`'s."""
        return self.operator or self.owner == owner


class Access:
    """Knows the keys and the live secrets."""

    def __init__(
        self,
        keys: dict[str, str],
        open_to_all: bool,
        hosts: frozenset[str],
        now: Callable[[], float] = time.time,
        operators: Mapping[str, str] | None = None,
        internal_key: str = "",
        public_url: str = "",
    ) -> None:
        """
        Args:
            keys: API keys by the name of their holder.
            open_to_all: a loopback bind; without any key, whoever is at this machine is its operator.
            hosts: good `Host` names.
            operators: keys of those who see and steer everybody's sessions.
            internal_key: what this deployment's services show; empty: none of them is known by a key.
            public_url: where tools reach this gateway.
        """
        self._open, self._hosts, self._now = open_to_all, hosts, now
        self._callers = [(key, Caller(name, operator=True)) for name, key in (operators or {}).items()]
        self._callers += [(key, Caller(name)) for name, key in keys.items()]
        self._house = frozenset({LOCAL, *(operators or {})})
        self._internal_key = internal_key
        self._secrets: dict[str, Secret] = {}
        self.say_tokens = SayTokens(public_url)

    @property
    def asks_for_keys(self) -> bool:
        """Whether REST takes nobody without a key."""
        return bool(self._callers) or not self._open

    def is_house(self, owner: str) -> bool:
        """Whether what is made in that name is the house's: an operator's, or of whoever sits at this machine.

        A client secret gives no operator's rights, but whoever calls with it calls in its owner's name.
        """
        return owner in self._house

    def caller(self, token: str) -> Caller:
        """Who shows `token` (an API key, a client secret, or nothing).

        Raises:
            Unauthorized: it is wrong, expired, or missing where one is needed.
        """
        if secret := self._secrets.get(token):
            if secret.expires_at <= self._now() and not secret.used:
                raise Unauthorized("this client secret has expired; make a new session or secret")
            return Caller(secret.owner, secret)
        if self.say_tokens.holder(token):
            raise Forbidden(
                "this token lets its holder have the agent say something in one call, nothing else"
            )
        for key, caller in self._callers:
            if token and hmac.compare_digest(token.encode(), key.encode()):
                return caller
        if token.startswith("ek_"):
            raise Unauthorized("this client secret is not known here, or has expired")
        if token.startswith("say_"):
            raise Unauthorized("the call that this token belonged to is over")
        if not self.asks_for_keys:
            return Caller(LOCAL, operator=True)
        raise Unauthorized("send an API key or a client secret as `Authorization: Bearer …`")

    def user(self, token: str) -> Caller:
        """Who shows `token` to REST: a key's holder, not the holder of a client secret.

        Raises:
            Unauthorized, Forbidden
        """
        caller = self.caller(token)
        if caller.secret is not None:
            raise Forbidden("a client secret opens the realtime wire alone")
        return caller

    def known(self, token: str) -> Caller | None:
        """Who shows `token`, whatever they may do; None: nobody who is let in anywhere."""
        if held := self.say_tokens.holder(token):
            return Caller(held[1])
        try:
            return self._service(token) or self.caller(token)
        except Unauthorized:
            return None

    def sayer(self, token: str, session_id: str) -> Caller:
        """Who may have something said in that session: the holder of its say token, or a `reader`.

        Raises:
            Unauthorized, Forbidden
        """
        if held := self.say_tokens.holder(token):
            named, owner = held
            if str(named) != session_id:
                raise Forbidden("this token belongs to another session")
            return Caller(owner)
        return self.reader(token)

    def reader(self, token: str) -> Caller:
        """Who shows `token` where services may ask too: to read sessions, and to have something said in one.

        Raises:
            Unauthorized, Forbidden
        """
        return self._service(token) or self.user(token)

    def _service(self, token: str) -> Caller | None:
        if self._internal_key and hmac.compare_digest(token.encode(), self._internal_key.encode()):
            return Caller(SERVICES, is_service=True, operator=True)
        return None

    def may_attach(self, caller: Caller, session_id: UUID, owner: str) -> None:
        """Attaching to a session takes its own secret, or the API key of its owner. Call it when it lives.

        Raises:
            Forbidden: it is another session's secret, or somebody else's key.
        """
        if caller.secret is not None:
            if caller.secret.session_id != session_id:
                raise Forbidden("this client secret belongs to another session")
            self._secrets[caller.secret.value] = replace(caller.secret, used=True)
        elif caller.owner != owner or caller.owner == LOCAL:
            raise Forbidden("attaching to a session takes its client secret")

    def new_secret(
        self,
        owner: str,
        lifetime_s: int,
        session_id: UUID | None = None,
        begins_with: Mapping[str, Any] | None = None,
    ) -> Secret:
        """Make a client secret."""
        self._forget_expired()
        expires_at = int(self._now()) + lifetime_s
        secret = Secret(f"ek_{secrets.token_urlsafe(32)}", owner, expires_at, session_id, begins_with or {})
        self._secrets[secret.value] = secret
        return secret

    def forget(self, session_id: UUID) -> None:
        """The session is over: its secret opens nothing any more."""
        self._secrets = {v: s for v, s in self._secrets.items() if s.session_id != session_id}

    def check_browser(self, host: str, origin: str | None) -> None:
        """Refuse pages of other sites, and names that merely point here (DNS rebinding).

        Raises:
            Forbidden
        """
        name = _name(f"//{host}")
        # Beyond loopback every caller shows a key, which a rebound name does not have.
        if self._open and not is_loopback(name) and name not in self._hosts:
            raise Forbidden(f"this gateway is not reached as {name or 'nothing'}; see GATEWAY_ALLOWED_HOSTS")
        if origin and origin.partition("://")[2] != host and _name(origin) not in self._hosts:
            raise Forbidden("pages of another origin may not talk to this gateway; see GATEWAY_ALLOWED_HOSTS")

    def _forget_expired(self) -> None:
        now = self._now()
        live = {v: s for v, s in self._secrets.items() if s.expires_at > now or s.used}
        for value in list(live)[: max(0, len(live) - MOST_SECRETS + 1)]:
            del live[value]
        self._secrets = live


def _name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def check_apart(keys: Mapping[str, str], operators: Mapping[str, str]) -> None:
    """See that no name is a key's and an operator's: nobody could tell whose its calls and notes are.

    Raises:
        BadSettings
    """
    if both := keys.keys() & operators.keys():
        raise BadSettings(
            f"ANTIPHON_API_KEYS and ANTIPHON_OPERATOR_KEYS: {', '.join(sorted(both))} may stand in one of them alone"
        )


def parse_keys(text: str) -> dict[str, str]:
    """Read `ANTIPHON_API_KEYS`: `name:key` or `key`, comma separated.

    An unnamed key is named by its fingerprint, not by its place: sessions belong to names, and must not change hands
    when a key is put before another.
    """
    keys = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, colon, key = part.partition(":")
        fingerprint = hashlib.sha256(part.encode()).hexdigest()[:8]
        keys[name if colon else f"key-{fingerprint}"] = key if colon else part
    return keys


def checked_keys(text: str, setting: str = "ANTIPHON_API_KEYS") -> dict[str, str]:
    """`parse_keys`, of keys that are good enough.

    Raises:
        BadSettings: one is too short, or called what the gateway calls its own.
    """
    keys = parse_keys(text)
    if short := [name for name, key in keys.items() if len(key) < MIN_KEY]:
        raise BadSettings(f"{setting}: {', '.join(short)} must have at least {MIN_KEY} characters")
    if taken := {LOCAL, SERVICES} & keys.keys():
        raise BadSettings(f"{setting}: no key may be called {', '.join(sorted(taken))}")
    return keys
