"""A webhook called: one POST (or what the file names), its answer in words, and what can go wrong on the way."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from services.orchestrator.tooling import Answer, Caller, Failed, Refused, Report
from services.orchestrator.webhooks.answer import (
    NotUnderstood,
    NoWords,
    Said,
    read_answer,
    reason_in,
    without,
)
from services.orchestrator.webhooks.template import BadPart, fill, fill_address

log = logging.getLogger(__name__)

CONNECT_S = 5.0
BEAT_S = 10.0
"""Between two signs of life; a bridge takes a deed for dead after 30 s without one."""
RETRY_AFTER_S = (0.3, 1.0)
"""Pauses before the second and third try of what may be done twice."""
PASSING = frozenset({429, 502, 503, 504})
"""Refusals that may be over in a moment."""
MAX_BYTES = 256 * 1024
"""Of an answer, unpacked; more is no answer for the ear."""

LATER = "I'll tell you when it's done."

WORDS = {
    "webhook_unreachable": "I can't reach {name} right now.",
    "webhook_timeout": "{name} took too long to answer.",
    "webhook_lost": "The connection to {name} broke off.",
    "webhook_redirected": "{name} sent me somewhere else, and I don't follow that.",
    "webhook_answer_too_large": "{name} answered with more than I can take in.",
    "webhook_not_understood": "{name} answered, but I can't make sense of it.",
    "webhook_no_words": "{name} took that on, but it didn't say anything back.",
}
"""By error code, for the ear."""
REFUSED = {
    401: "{name} doesn't let me in. Its key may be wrong.",
    403: "{name} doesn't let me in. Its key may be wrong.",
    404: "{name} doesn't know that request. Its workflow may not be active.",
    429: "{name} is too busy right now.",
    503: "{name} is too busy right now.",
}
"""`webhook_refused`, by status."""
REFUSED_OTHERWISE = "{name} turned that down."
BROKE = "Something went wrong in {name}."
BAD_ARGUMENT = "I can't put that to {name}."
NO_CALL = "{name} answers later, and I could only tell you during a call."
IN_DOUBT = " I can't tell whether it was done."


@dataclass(frozen=True, slots=True)
class Secret:
    """A header whose value came from the environment."""

    header: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Webhook:
    """A tool's `run`: everything about the request that is the same each time.

    Nothing is shared between calls, the connection neither: flows are called now and then, and nothing has to be
    closed.
    """

    name: str
    """For the ear: whom it calls."""
    method: str
    url: str
    json: Any
    """The body's template; None sends no body."""
    headers: Mapping[str, str]
    secret: Secret | None
    answer: str
    """Where the words are in the answer; empty: where they usually are."""
    callback: bool
    """It answers at once, and speaks up later through `say`."""
    limit_s: float
    """For the whole, repetitions included."""
    idempotent: bool
    may_change: bool
    """Whether it does more than read."""

    async def __call__(self, /, report: Report, caller: Caller, **arguments: Any) -> Answer:
        """Call it once, or up to three times where that does no harm.

        Raises:
            Failed: with one of the codes of `WORDS`, or `webhook_refused`.
            Refused: nothing was sent, because it could not be.
        """
        if self.callback and caller.say is None:
            raise Refused("no_call", self._said(NO_CALL))
        values = _about(caller) | arguments
        try:
            address = fill_address(self.url, values)
        except BadPart as error:
            raise Refused("bad_argument", self._said(BAD_ARGUMENT), f"`{error}` led elsewhere") from error
        headers = {**self.headers, "Idempotency-Key": caller.idempotency_key}
        hidden = [caller.say.token] if caller.say else []
        if self.secret:
            headers[self.secret.header] = self.secret.value
            hidden.append(self.secret.value)
        order = _Order(self.method, URL(address, encoded=True), fill(self.json, values), headers)
        try:
            async with asyncio.timeout(self.limit_s), _signs_of_life(report, self.name):
                reply = await self._insist(order)
        except TimeoutError as error:
            raise self._failed(
                "webhook_timeout", f"no answer in {self.limit_s:g} s", doubtful=True
            ) from error
        return self._read(reply, hidden)

    async def _insist(self, order: "_Order") -> "_Reply":
        """What it answered at last.

        Raises:
            Refused: it could not be reached, or sent too much.
        """
        for pause in RETRY_AFTER_S if self.idempotent else ():
            try:
                reply = await self._once(order)
                if reply.status not in PASSING:
                    return reply
            except Refused as refused:
                if refused.code not in ("webhook_unreachable", "webhook_lost"):
                    raise
            await asyncio.sleep(pause)
        return await self._once(order)

    async def _once(self, order: "_Order") -> "_Reply":
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S)
        body: dict[str, Any] = {} if order.body is None else {"json": order.body}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.request(
                    order.method, order.url, headers=order.headers, allow_redirects=False, **body
                ) as answer,
            ):
                content = bytearray()
                async for piece in answer.content.iter_any():
                    content += piece
                    if len(content) > MAX_BYTES:
                        raise self._failed(
                            "webhook_answer_too_large", f"more than {MAX_BYTES} bytes", doubtful=True
                        )
                return _Reply(answer.status, bytes(content), answer.content_type, answer.charset)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            raise self._failed("webhook_unreachable", _why(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._failed("webhook_lost", _why(error), doubtful=True) from error

    def _read(self, reply: "_Reply", hidden: list[str]) -> Answer:
        """The words of `reply`, or why there are none."""
        if 300 <= reply.status < 400:
            raise self._failed("webhook_redirected", f"it answered {reply.status}")
        if not 200 <= reply.status < 300:
            reason = without(hidden, reason_in(reply.body))
            raise self._refused(reply.status, f"it answered {reply.status}{': ' * bool(reason)}{reason}")
        if self.callback:
            return Answer(LATER)
        try:
            said: Said = read_answer(reply.body, reply.content_type, reply.charset, self.answer)
        except NotUnderstood as error:
            raise self._failed("webhook_not_understood", str(error), doubtful=True) from error
        except NoWords as error:
            # n8n answers 200 and nothing, too, where a workflow broke before its Respond to Webhook node
            # (n8n-io/n8n issues 17040 and 21827).
            raise self._failed("webhook_no_words", "it answered without words", doubtful=True) from error
        return Answer(without(hidden, said.words), without(hidden, said.data))

    def _refused(self, status: int, why: str) -> Failed:
        if status >= 500 and status not in REFUSED:
            return self._error("webhook_refused", BROKE, why, doubtful=True)
        return self._error("webhook_refused", REFUSED.get(status, REFUSED_OTHERWISE), why)

    def _failed(self, code: str, why: str = "", doubtful: bool = False) -> Failed:
        return self._error(code, WORDS[code], why, doubtful)

    def _error(self, code: str, words: str, why: str, doubtful: bool = False) -> Failed:
        """`doubtful`: the other side may have done it all the same."""
        log.warning("a webhook failed", extra={"webhook": self.name, "code": code, "pii_why": why})
        in_doubt = doubtful and self.may_change
        text = self._said(words) + IN_DOUBT * in_doubt
        return Failed(code, text, why, in_doubt)

    def _said(self, words: str) -> str:
        text = words.format(name=self.name)
        return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class _Order:
    """One request, whole."""

    method: str
    url: URL
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came back, at most `MAX_BYTES` of it."""

    status: int
    body: bytes
    content_type: str
    charset: str | None


def _about(caller: Caller) -> dict[str, str | None]:
    """The slots of `ABOUT_THE_CALL`."""
    return {
        "message": caller.message,
        "session_id": str(caller.session_id) if caller.session_id else None,
        "conversation_id": caller.conversation_id,
        "owner": caller.owner,
        "user_id": caller.user_id,
        "timezone": caller.timezone,
        "idempotency_key": caller.idempotency_key,
        "say_url": caller.say.url if caller.say else None,
        "say_token": caller.say.token if caller.say else None,
    }


def _why(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


@asynccontextmanager
async def _signs_of_life(report: Report, name: str) -> AsyncIterator[None]:
    """Tell now and then that it still waits."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            report(f"Still waiting for {name}.", None)

    task = asyncio.create_task(beat(), name=f"signs of life of {name}")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
