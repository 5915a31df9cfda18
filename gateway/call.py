"""One call: feeds the session's rules with what happens, and does what they order.

The call owns its tasks (ears, engine, ticks, the bridge's work) and outlives the loss of its client for a while.
Its listeners, a wire each, are told every fact and given the agent's sound as it is due.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Protocol, get_args
from uuid import UUID

from prometheus_client import Counter

from bridge.bridge import Bridge
from bridge.ledger import Invocation
from gateway.conversation import Conversation, Line
from gateway.ports import Brief, Ears, Engine, MindAway, PartAway
from gateway.profile import Profile
from gateway.recorder import Fact, Recorder
from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.agent_floor import injection_changed
from gateway.session.clock import BYTES, RATE, samples
from gateway.session.echo import EchoSuppressor
from gateway.session.echo_tracker import Decision
from gateway.session.injections import MOST
from gateway.session.playout import Outgoing
from gateway.session.session import Session
from gateway.session.uplink import Uplink
from gateway.tally import Tally
from gateway.ticks import every
from gateway.tool_lane import ToolLane
from services.base.problems import Conflict

log = logging.getLogger(__name__)

TICK_S = 0.02
CONNECT_LIMIT_S = 30.0
"""A stock speech server is primed frame by frame; engines that should be quicker have limits of their own."""

SETTLES_S = 0.25
"""Clients send their instructions right after they came: an engine that hears is primed with them, not twice."""
ANSWERS_WITHIN = samples(1500)
"""So long an engine that hears has to begin its answer, until it is primed anew and forgets what it was asked."""

DEAF = "I can't hear you at the moment. You can type to me meanwhile."
LATE_DEEDS_S = 7.0
"""What running deeds get, after the call, to be written down as done."""

KEYS = 1000
"""Idempotency keys that a call remembers: whoever says so much in one call repeats the newest, if any."""

GATEWAY_STOPPED = "gateway_stopped"

_DECISIONS = Counter(
    "antiphon_echo_decisions",
    "Blocks (20 ms) of the user's sound while ours might come back, by what they were taken for",
    ["decision"],
)
ECHO_DECISIONS = {decision: _DECISIONS.labels(decision) for decision in get_args(Decision)}


class QueueFull(Conflict):
    """As many texts as anybody would listen to wait to be said."""

    code, title = "queue_full", "Too much waits to be said"


class SessionEnded(Conflict):
    """The session was there, and is over."""

    code, title = "session_ended", "The session has ended"


class Listener(Protocol):
    """A wire's end that is told what happens."""

    def told(self, fact: Fact) -> None:
        """A fact, in order."""
        ...

    def sound(self, piece: Outgoing) -> None:
        """The agent's sound, as it is due."""
        ...

    def ended(self, reason: str) -> None:
        """The call is over; nothing follows."""
        ...


class Call:
    """The shell around one `Session`."""

    def __init__(
        self,
        profile: Profile,
        engine: Engine,
        make_ears: Callable[[Callable[[], int], Callable[[int], int]], Ears],
        bridge_: Bridge,
        recorder: Recorder,
        new_id: Callable[[], UUID],
        spare: Callable[[], Engine] | None = None,
    ) -> None:
        """`spare` makes the engine that takes the call where `engine` cannot be had when it begins."""
        self.profile, self.engine, self.recorder, self._spare = profile, engine, recorder, spare
        self.session = Session(profile.rules, engine.traits, new_id)
        self.conversation = Conversation()
        self.tally = Tally()
        self.uplink = Uplink()
        self.echo = EchoSuppressor()
        self.ears = make_ears(self.now, self.uplink.clock)
        self.end_reason: str | None = None
        self._tools = ToolLane(bridge_, self.now, self.feed, self._tell, new_id)
        self._new_id = new_id
        self._loop = asyncio.get_running_loop()
        self._t0 = self._loop.time()
        self._listeners: list[Listener] = []
        self._keys: dict[str, UUID] = {}
        """Idempotency keys of what was to be said, and its injection; the oldest are forgotten."""
        self._inbox: deque[on.Event] = deque()
        self._feeding = False
        self._wanted = asyncio.Event()
        self._ended = asyncio.Event()
        self._room = asyncio.Event()
        self._rebrief = False
        self._asked_at: int | None = None
        """When the user was last heard or understood, where the agent has not spoken since."""
        self._deaf = False
        """The user was told that nothing is heard."""
        self.has_client = False
        """Somebody is there to hear what is said."""
        self._work: asyncio.TaskGroup | None = None
        """Once the engine is connected; events wait in the inbox until then."""

    # For the wires.

    @property
    def session_id(self) -> UUID:
        return self.profile.session_id

    @property
    def is_connected(self) -> bool:
        """Whether its engine is there; before that, what happens is kept."""
        return self._work is not None

    @property
    def is_deciding(self) -> bool:
        """Whether the bridge has an utterance in hand."""
        return self._tools.is_busy

    @property
    def deeds(self) -> tuple[Invocation, ...]:
        """What is being done for the user now."""
        return self._tools.deeds

    def now(self) -> int:
        """The session clock, in samples."""
        return round((self._loop.time() - self._t0) * RATE)

    def listen(self, listener: Listener) -> None:
        """Tell `listener` everything from now on."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Connect the engine; what was said before is kept and heard then."""
        self._wanted.set()

    def greet(self, knows_ours: bool) -> None:
        """A client is there for the first time: the agent may speak to it unasked, if that was wanted."""
        greets = self.profile.greets
        if knows_ours if greets is None else greets:
            if self.engine.traits.hears:
                self._loop.call_later(SETTLES_S, self.start)
            else:
                self.start()
            self.feed(on.ClientCame(self.now()))

    def hear(self, pcm: bytes) -> None:
        """The user's sound: PCM16 mono at 24 kHz, whole samples.

        Raises:
            BufferFull: the client is more than 60 s ahead; nothing was taken.
        """
        self.start()
        self.uplink.push(pcm, self.now())
        if self._work is not None:
            self._pass_on(self.uplink.due(self.now()))

    def commit(self) -> None:
        """The client says that the user's turn is over: what waits is heard at once."""
        self.start()
        self._pass_on(self.uplink.flush(self.now()))
        self.feed(on.InputCommitted(self.now()))

    def clear(self) -> None:
        """The client takes back what the user said last."""
        self.start()
        self.uplink.clear()
        self.feed(on.InputCleared(self.now()))

    def client_lost(self) -> None:
        """No client is there: none has come yet, or its connection broke."""
        self.has_client = False
        self.uplink.hold()
        self.feed(on.ClientLost(self.now()))

    def client_back(self, arrived: tuple[on.Arrived, ...] | None) -> None:
        """One is there, perhaps in another's place; `arrived` as in `ClientBack`."""
        self.has_client = True
        self.uplink.release(self.now())
        self.feed(on.ClientBack(self.now(), arrived))

    def feed(self, event: on.Event) -> None:
        """Let something happen; what follows is done before this returns, or once the call is connected.

        After the end nothing happens any more.
        """
        if self.end_reason is not None:
            return
        self._inbox.append(event)
        if self._feeding or self._work is None:
            return
        self._feeding = True
        try:
            while self._inbox:
                next_event = self._inbox.popleft()
                effects = self.session.receive(next_event)
                self.recorder.write(next_event, self.session.now)
                for effect in effects:
                    self._tell(effect, self.session.now)
                    self._follow(effect)
            while piece := self.session.outgoing():
                self.echo.sent(piece.turn_id, piece.pcm, self.session.now)
                for listener in self._listeners:
                    listener.sound(piece)
        finally:
            self._feeding = False

    def say(
        self,
        text: str,
        priority: int = 0,
        expires_in_s: float | None = None,
        interrupt: bool = False,
        key: str | None = None,
    ) -> UUID:
        """Have the agent say `text` at the next free moment; returns the injection's id.

        Under a `key` that was used in this call before, nothing is said again: the id is the first one's.

        Raises:
            SessionEnded: what was to be said would wait for ever.
            QueueFull
        """
        if self.end_reason is not None:
            raise SessionEnded(f"session {self.session_id} has ended")
        if key and (known := self._keys.get(key)):
            return known
        if len(self.session.injections) + len(self._unheard_wishes) >= MOST:
            raise QueueFull(f"{MOST} texts wait to be said in this session; let some be said, or interrupt")
        now = self.now()
        expires = None if expires_in_s is None else now + round(expires_in_s * RATE)
        injection_id = self._new_id()
        self.start()
        wish = on.InjectionAsked(
            now,
            injection_id,
            text,
            "say",
            priority=priority,
            expires_at=expires,
            interrupt=interrupt,
            idempotency_key=key,
        )
        self.recorder.asked(wish)
        self.feed(wish)
        if key:
            self._keys[key] = injection_id
            while len(self._keys) > KEYS:
                del self._keys[next(iter(self._keys))]
        return injection_id

    @property
    def _unheard_wishes(self) -> list[on.InjectionAsked]:
        """What is to be said once the call is connected."""
        return [event for event in self._inbox if isinstance(event, on.InjectionAsked)]

    def tell_held(self, text: str, samples: int, dropped: bool) -> None:
        """Write down, and tell, what the engine said while it was held."""
        now = self.now()
        self._tell(do.Held(now, text, samples, dropped), now)

    def answer_approval(self, approval_id: UUID, approve: bool) -> bool:
        """The user pressed yes or no to that question for consent; False where it is not open."""
        return self.end_reason is None and self._tools.answer_approval(approval_id, approve)

    async def room(self) -> None:
        """Wait until the engine may give more sound."""
        while not self.session.has_room:
            self._room.clear()
            await self._room.wait()

    def change_brief(self, brief: Brief) -> None:
        """Another persona, voice or instructions: at once before the engine is connected, else at a pause."""
        self.profile = replace(self.profile, brief=brief)
        self.recorder.voice(brief.voice.name)
        self._rebrief = True

    def end(self, reason: str) -> None:
        """End the call; the first reason counts."""
        if self.end_reason is None:
            self.end_reason = reason
            self._ended.set()

    # The life of a call.

    async def run(self) -> None:
        """Live until `end`. Whatever breaks inside ends this call and no other."""
        try:
            await self._live()
        except* PartAway as group:
            log.error("call lost its engine", extra={"session": self.session_id, "error": repr(group)})
            self.end("engine_lost")
        except* Exception:
            log.exception("call failed", extra={"session": self.session_id})
            self.end("internal_error")
        finally:
            # Where none was given, the task itself was cancelled.
            self.end(GATEWAY_STOPPED)
            try:
                self._tell_the_end()
            except Exception:
                log.exception("call did not end in order", extra={"session": self.session_id})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LATE_DEEDS_S):
                    await self._tools.close()

    def _tell_the_end(self) -> None:
        self._tell_of_echo(over=True)
        for wish in self._unheard_wishes:
            self._tell(injection_changed(wish, self.now(), "dropped", why="ended"), self.session.now)
        for effect in self.session.end(self.now()):
            self._tell(effect, self.session.now)
            self._follow(effect)
        assert self.end_reason is not None, "a call that ends has a reason"
        for listener in [*self._listeners]:
            listener.ended(self.end_reason)

    async def _live(self) -> None:
        if not await self._before_the_end(self._wanted.wait()):
            return
        try:
            if await self._before_the_end(self._begin()):
                await self._converse()
        finally:
            await self.engine.close()

    async def _converse(self) -> None:
        async with asyncio.TaskGroup() as work:
            self._work = work
            standing = [
                work.create_task(self.ears.run(self.feed), name="ears"),
                work.create_task(self.engine.run(CallSink(self)), name="engine"),
                work.create_task(self._ticks(), name="ticks"),
            ]
            await self._ended.wait()
            for task in standing:
                task.cancel()
            self._tools.cancel()

    async def _begin(self) -> None:
        """Connect the engine, else the spare one."""
        began = self._loop.time()
        try:
            await self._connect()
        except PartAway as away:
            if self._spare is None:
                raise
            await self._replace(self._spare(), away)
            began = self._loop.time()
            await self._connect()
        took_ms = 1000 * (self._loop.time() - began)
        self._tell(do.EngineConnected(self.now(), self.engine.mode, took_ms), self.session.now)

    async def _replace(self, engine: Engine, away: PartAway) -> None:
        before, self.engine = self.engine, engine
        await before.close()
        # Nothing has happened in the old one yet: until the engine is connected all waits in the inbox.
        self.session = Session(self.profile.rules, engine.traits, self._new_id)
        reason = f"{before.mode}: {away.detail}"
        log.warning("call gets another engine", extra={"session": self.session_id, "reason": reason})
        self.profile = replace(self.profile, mode=engine.mode, fallback_reason=reason)
        self._tell(do.EngineReplaced(self.now(), before.mode, engine.mode, reason), self.session.now)

    async def _connect(self) -> None:
        self._rebrief = False
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                await self.engine.connect(self.profile.brief)
        except TimeoutError as error:
            raise PartAway(f"the engine was not ready within {CONNECT_LIMIT_S:g} s") from error

    async def _before_the_end(self, work: Coroutine[Any, Any, object]) -> bool:
        """Do `work`, unless the call ends first; False then."""
        doing, ending = asyncio.create_task(work), asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({doing, ending}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
            return not ending.done()
        finally:
            doing.cancel()
            ending.cancel()
            await asyncio.wait({doing, ending})

    async def _ticks(self) -> None:
        while True:
            await every(TICK_S, self._tick)
            await self._connect()

    def _tick(self) -> bool:
        """Time passes; whether another brief may be taken up now."""
        now = self.now()
        self._pass_on(self.uplink.due(now))
        self.feed(on.Tick(now))
        if self.session.has_room:
            self._room.set()
        self._tell_of_deafness()
        return self._may_be_primed(now) and self._rebrief

    def _may_be_primed(self, now: int) -> bool:
        """Whether nobody has the floor, and an engine that hears owes no answer."""
        if self.session.agent.turn is not None:
            self._asked_at = None
        elif not self.session.is_at_rest:
            self._asked_at = now
        if not self.session.is_at_rest:
            return False
        if self._asked_at is None or not self.engine.traits.hears:
            return True
        return now - self._asked_at >= ANSWERS_WITHIN

    def _tell_of_deafness(self) -> None:
        """Say once, aloud and on the wire, that nothing is heard, and do so again the next time."""
        missing = self.ears.missing
        if missing and not self._deaf:
            log.error("call is not heard", extra={"session": self.session_id, "reason": missing})
            self._tell(
                do.Refused("transcriber_away", f"Nothing is heard at the moment: {missing}"), self.now()
            )
            self._tools.inject(None, DEAF, "notice")
        self._deaf = missing is not None

    def _tell_of_echo(self, over: bool = False) -> None:
        """Count what the user's sound was taken for, and tell of echo that has ended, or at the call's end of all."""
        for decision, count in self.echo.counted().items():
            ECHO_DECISIONS[decision].inc(count)
        for fact in self.echo.ended(self.now(), over):
            self._tell(fact, self.session.now)

    def _pass_on(self, pcm: bytes) -> None:
        if pcm:
            pcm = self.echo.filter(pcm, self.uplink.clock(self.uplink.position - len(pcm) // BYTES))
            self.ears.hear(pcm)
            if (since := self.echo.found()) is not None:
                self.feed(on.EchoFound(self.now(), since))
            self.engine.hear(pcm)
            # Here rather than at each tick: without sound of the user's there is nothing new to tell.
            self._tell_of_echo()

    # What the rules order.

    def _tell(self, fact: Fact, at: int) -> None:
        self.recorder.write(fact, at)
        self.tally.told(fact, at)
        for listener in [*self._listeners]:
            listener.told(fact)

    def _follow(self, effect: do.Effect) -> None:
        match effect:
            case do.FinishTranscript():
                self.ears.finish()
            case do.Answer():
                self.engine.answer(effect.turn_id, self.conversation)
            case do.Speak():
                self.engine.speak(effect.turn_id, effect.text)
            case do.CancelEngine():
                self.engine.cancel(effect.turn_id, effect.heard_text)
                self._room.set()
            case do.UserWords() if self.engine.traits.holds:
                self._tools.look(effect.turn_id, effect.text, self.conversation)
            case do.Hold():
                self.engine.hold(effect.on, effect.drop)
            case do.UserTurnEnded() if not effect.backchannel:
                self.conversation.add(Line(effect.turn_id, "user", effect.text))
            case do.AgentEnded():
                self.conversation.add(Line(effect.turn_id, "agent", effect.heard_text))
                if effect.reason == MindAway.code:
                    # The voice is there: silence would be no answer.
                    self._tools.inject(None, self.profile.brief.persona.phrases.unavailable[0], "notice")
            case do.HeardCorrected():
                self.conversation.correct(effect.turn_id, effect.heard_text)
            case do.AnswerWanted():
                assert self._work is not None, "nothing is said before the call is connected"
                self._tools.take(effect, self.profile, self.conversation, self._work)
            case do.Withdrawn():
                self._tools.withdraw(effect.turn_id)
            case _:
                pass


class CallSink:
    """Where the engine of a call puts what it says."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def opened(self, turn_id: UUID) -> None:
        self._call.feed(on.AgentOpened(self._call.now(), turn_id))

    def sound(self, turn_id: UUID, pcm: bytes, words: tuple[on.Word, ...] = ()) -> None:
        if self._call.session.agent.playout.push(turn_id, pcm, words):
            # What is due does not wait for the next tick.
            self._call.feed(on.Tick(self._call.now()))

    def finished(self, turn_id: UUID) -> None:
        self._call.feed(on.AgentFinished(self._call.now(), turn_id))

    def failed(self, turn_id: UUID, code: str, message: str) -> None:
        self._call.feed(on.AgentFailed(self._call.now(), turn_id, code, message))

    def withheld(self, text: str, samples: int, dropped: bool) -> None:
        self._call.tell_held(text, samples, dropped)

    async def room(self) -> None:
        await self._call.room()
