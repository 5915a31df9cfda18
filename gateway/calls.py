"""All calls of this gateway: made, found, ended; each runs as a task of its own."""

import asyncio
import gc
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from prometheus_client import Counter, Gauge

from gateway.call import GATEWAY_STOPPED, Call
from gateway.limits import Allowance, Limits, Visitor
from gateway.parts import Parts, WantedMode
from gateway.ports import Brief, base_language
from gateway.profile import Profile
from gateway.recorder import Outlet
from gateway.say_tokens import SayTokens
from gateway.session.clock import samples
from gateway.session.rules import Rules
from gateway.store import rows
from personas.errors import PersonaError
from personas.model import Persona
from services.base.ids import new_id
from services.base.problems import Busy, Invalid, NotFound

log = logging.getLogger(__name__)

RETRY_AFTER_S = 10
STOP_LIMIT_S = 8.0
"""A supervisor ends by force what has not stopped after ten seconds."""

COLLECT_AFTER = 16
"""Calls that have ended. Each is a ring of few objects that hold some 300 kB, and the collector counts objects: left to
itself it lets dozens of them lie."""

ACTIVE = Gauge("antiphon_sessions_active", "Calls under way on this gateway")
ENDED = Counter("antiphon_sessions_ended", "Calls that ended, by reason", ["reason"])


class SessionNotFound(NotFound):
    """No session of this id is under way on this gateway."""

    code = "session_not_found"


@dataclass(frozen=True, slots=True)
class Opening:
    """What somebody who opens a call asks for; None means the default."""

    owner: str
    of_house: bool = False
    """Whether the owner is an operator, or whoever sits at this machine."""
    visitor: Visitor = field(default_factory=Visitor)
    mode: WantedMode = "auto"
    persona: str | None = None
    voice: str | None = None
    language: str | None = None
    push_to_talk: bool = False
    greeting: bool | None = None
    """Whether the agent speaks first, and into long silences; None: with clients that know our own events."""
    user_id: str | None = None
    conversation_id: str | None = None
    client: str | None = None
    timezone: str | None = None
    allow_recording: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


def manners(persona: Persona, push_to_talk: bool) -> Rules:
    """The rules of a call with that persona."""
    return Rules(
        push_to_talk=push_to_talk,
        greeting=persona.greeting,
        silence=samples(1000 * (persona.silence_s or 0)),
        still_there=persona.phrases.still_there,
    )


class Calls:
    """Owns the calls' tasks; leaving the context ends them in order."""

    def __init__(
        self,
        parts: Parts,
        outlet: Outlet,
        node: str,
        most: int,
        say_tokens: SayTokens,
        limits: Limits | None = None,
    ) -> None:
        self.parts, self.most = parts, most
        self.limits = limits or Limits(Allowance())
        self._say_tokens = say_tokens
        self._outlet, self.node = outlet, node
        self._calls: dict[UUID, tuple[Call, asyncio.Task[None]]] = {}
        self._stopping = False
        self._uncollected = 0
        """Calls that ended since the collector was run."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End all calls in order; none is left after this, and none is taken."""
        self._stopping = True
        for call, _ in self._calls.values():
            call.end(GATEWAY_STOPPED)
        if tasks := [task for _, task in self._calls.values()]:
            _, late = await asyncio.wait(tasks, timeout=STOP_LIMIT_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def open(self, asked: Opening) -> Call:
        """Make a call; it connects when it is first used.

        Raises:
            Busy: as many calls as this gateway takes are under way, or it is about to stop.
            RateLimited: this key or address has enough of them, or makes them too fast.
            Invalid: persona, voice or language that is not known here.
        """
        if self._stopping:
            raise Busy("this gateway is stopping", retry_after=RETRY_AFTER_S)
        if len(self._calls) >= self.most:
            raise Busy(f"{self.most} calls are under way on this gateway", retry_after=RETRY_AFTER_S)
        profiles = [call.profile for call, _ in self._calls.values()]
        self.limits.new_session(
            asked.visitor,
            of_key=sum(profile.owner == asked.owner for profile in profiles),
            of_address=sum(profile.address == asked.visitor.address for profile in profiles),
            now=time.monotonic(),
        )
        mode, fallback_reason = self.parts.choose(asked.mode)
        brief = self.brief(asked.persona, asked.voice, asked.language)
        session_id = new_id()
        profile = Profile(
            session_id=session_id,
            conversation_id=asked.conversation_id or str(session_id),
            owner=asked.owner,
            of_house=asked.of_house,
            address=asked.visitor.address,
            mode=mode,
            fallback_reason=fallback_reason,
            brief=brief,
            rules=manners(brief.persona, asked.push_to_talk),
            greets=asked.greeting,
            recognizer=self.parts.recognizer,
            user_id=asked.user_id,
            client=asked.client,
            timezone=asked.timezone,
            say=self._say_tokens.issue(session_id, asked.owner),
            allow_recording=asked.allow_recording,
            metadata=asked.metadata,
        )
        call = self.parts.call(profile, self._outlet)
        self._write_opened(profile)
        task = asyncio.create_task(self._run(call), name=f"call {session_id}")
        self._calls[session_id] = call, task
        ACTIVE.inc()
        log.info(
            "call opened", extra={"session": session_id, "mode": mode, "persona": profile.brief.persona.name}
        )
        return call

    def brief(self, persona: str | None, voice: str | None, language: str | None) -> Brief:
        """Who the agent is to be.

        Raises:
            Invalid: a name that is not known here; the message lists the known ones.
        """
        catalogue = self.parts.catalogue
        try:
            who = catalogue.persona(persona) if persona else catalogue.default
            sound = catalogue.voice(voice or who.voice)
        except PersonaError as error:
            raise Invalid(str(error)) from error
        spoken = sorted({base_language(each.language) for each in catalogue.voices})
        if language and base_language(language) not in spoken:
            raise Invalid(f"`language`: no voice here speaks {language!r}, only {', '.join(spoken)}")
        return Brief(who, sound, language or who.language, who.prompt)

    def get(self, session_id: UUID) -> Call:
        """A call under way.

        Raises:
            SessionNotFound: none of that id is under way here.
        """
        if session_id not in self:
            raise SessionNotFound(f"no session {session_id} is under way here")
        return self._calls[session_id][0]

    def __contains__(self, session_id: UUID) -> bool:
        """Whether it is under way; one that is only being wound up no longer is."""
        return session_id in self._calls and self._calls[session_id][0].end_reason is None

    def live(self) -> list[Call]:
        """Those under way, the oldest first."""
        return [call for call, _ in self._calls.values() if call.end_reason is None]

    @property
    def free(self) -> int:
        """Places that are left."""
        return self.most - len(self._calls)

    async def end(self, session_id: UUID, reason: str) -> None:
        """End a call and wait until it is over.

        Raises:
            SessionNotFound: none of that id is under way here.
        """
        call = self.get(session_id)
        _, task = self._calls[session_id]
        call.end(reason)
        await asyncio.wait({task}, timeout=STOP_LIMIT_S)

    async def _run(self, call: Call) -> None:
        try:
            await call.run()
        finally:
            del self._calls[call.session_id]
            self._say_tokens.withdraw(call.session_id)
            ACTIVE.dec()
            reason = call.end_reason or GATEWAY_STOPPED
            ENDED.labels(reason).inc()
            self._outlet.put(
                rows.SessionRow(
                    session_id=call.session_id,
                    ended_at=datetime.now(UTC),
                    is_active=False,
                    end_reason=reason,
                )
            )
            log.info("call ended", extra={"session": call.session_id, "reason": reason})
            self._uncollected += 1
            if self._uncollected >= COLLECT_AFTER:
                self._uncollected = 0
                # Later: now this very call is still held.
                asyncio.get_running_loop().call_soon(gc.collect)

    def _write_opened(self, profile: Profile) -> None:
        brief = profile.brief
        self._outlet.put(
            rows.SessionRow(
                session_id=profile.session_id,
                conversation_id=profile.conversation_id,
                mode=profile.mode,
                input_mode="push_to_talk" if profile.rules.push_to_talk else "duplex",
                persona=brief.persona.name,
                voice_prompt=brief.voice.name,
                language=brief.language,
                client=profile.client,
                user_id=profile.user_id,
                owner=profile.owner,
                of_house=profile.of_house,
                node=self.node,
                started_at=profile.started_at,
                is_active=True,
                fallback_reason=profile.fallback_reason,
                allow_recording=profile.allow_recording,
                metadata=profile.metadata,
            )
        )
