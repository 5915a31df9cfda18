"""The gateway over REST, as far as timers need it: who is in a call, and having something said in one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from services.orchestrator.announcing import CallRecord, Injection, LiveCall

SESSIONS = "/api/mas/voice/sessions"
ANSWER_S = 5.0
PAGE = 200
MOST_PAGES = 10
"""Two thousand calls: more than one gateway holds."""
OVER = frozenset({"session_not_found", "session_ended"})
"""Codes of a call in which nothing is said any more."""

M = TypeVar("M", bound=BaseModel)


class GatewayAway(Exception):
    """It cannot be reached, or answers what cannot be understood; what was asked may have been done."""


class Refused(GatewayAway):
    """It is there and says no: what was asked was not done."""


class CallOver(Exception):
    """The call is over, or not this gateway's: nothing was said in it."""


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Problem(_Reply):
    code: str = ""


class _Said(_Reply):
    injection_id: UUID


class _Injection(_Said):
    idempotency_key: str | None = None
    state: str
    heard_ms: float | None = None


class _Session(_Reply):
    session_id: UUID
    conversation_id: str | None
    owner: str | None
    of_house: bool
    user_id: str | None
    started_at: datetime
    is_active: bool
    injections: list[_Injection] = []

    @property
    def call(self) -> LiveCall:
        return LiveCall(
            self.session_id,
            self.conversation_id or "",
            self.owner,
            self.of_house,
            self.user_id,
            self.started_at,
        )


class _Page(_Reply):
    sessions: list[_Session]
    next: str | None


class Gateway:
    """One gateway. Nothing is asked twice in here."""

    def __init__(self, http: aiohttp.ClientSession, url: str, key: str) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def live_calls(self) -> Sequence[LiveCall]:
        """The calls under way in which somebody is there to hear what is said, the newest first.

        Raises:
            GatewayAway
        """
        calls: list[LiveCall] = []
        query = {"active": "true", "attached": "true", "limit": str(PAGE)}
        for _ in range(MOST_PAGES):
            page = _parsed(_Page, await self._ask("GET", SESSIONS, params=query))
            calls += [session.call for session in page.sessions]
            if page.next is None:
                break
            query["cursor"] = page.next
        return calls

    async def record(self, session_id: UUID) -> CallRecord | None:
        """A call, under way or over; None for one that is not known.

        Raises:
            GatewayAway
        """
        try:
            session = _parsed(_Session, await self._ask("GET", f"{SESSIONS}/{session_id}"))
        except CallOver:
            return None
        injections = (
            Injection(each.injection_id, each.idempotency_key, each.state, each.heard_ms)
            for each in session.injections
        )
        return CallRecord(session.call, session.is_active, tuple(injections))

    async def say(self, session_id: UUID, text: str, key: str) -> UUID:
        """Have the agent say `text` at the next free moment of that call; the injection's id. Once a `key`.

        Raises:
            CallOver: it will not be said.
            Refused: neither, or not now: too much waits to be said there.
            GatewayAway: it may be said all the same.
        """
        path = f"{SESSIONS}/{session_id}/say"
        said = await self._ask("POST", path, json={"text": text}, headers={"Idempotency-Key": key})
        return _parsed(_Said, said).injection_id

    async def _ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any
    ) -> bytes:
        try:
            async with self._http.request(
                method,
                self._url + path,
                headers=self._headers | (headers or {}),
                timeout=aiohttp.ClientTimeout(total=ANSWER_S),
                allow_redirects=False,
                **options,
            ) as answer:
                body = await answer.read()
                if not 200 <= answer.status < 300:
                    raise _failure(path, answer.status, body)
                return body
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise GatewayAway(f"{type(error).__name__}: {error}") from error


def _failure(path: str, status: int, body: bytes) -> GatewayAway | CallOver:
    try:
        code = _Problem.model_validate_json(body).code
    except ValidationError:
        # Of a proxy between us.
        code = ""
    told = f"{path} answered {status} {code}".rstrip()
    if code in OVER:
        return CallOver(told)
    return Refused(told) if 400 <= status < 500 else GatewayAway(told)


def _parsed(model: type[M], body: bytes) -> M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise GatewayAway(f"an answer that is no {model.__name__.strip('_').lower()}") from error
