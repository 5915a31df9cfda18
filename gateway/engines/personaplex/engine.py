"""The duplex engine: a speech server hears the user and speaks by itself; what is ordered, a synthesizer says.

The server's orders to speak a text come with its version that heeds them; until then mind and synthesizer speak over
the model as they do without one, and the session lets nothing of the model's through meanwhile.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterable
from uuid import UUID

from prometheus_client import Counter

from gateway.conversation import Conversation
from gateway.engines.cascade import CascadeEngine
from gateway.engines.personaplex.line import Line, LineLost
from gateway.engines.personaplex.responses import FRAME, Closed, Fact, Opened, Responses, Sounded
from gateway.engines.personaplex.servers import Servers
from gateway.ports import Brief, Mind, Mode, Sink, Synthesizer
from gateway.session.clock import BYTES, samples
from gateway.session.rules import Traits

log = logging.getLogger(__name__)

KEPT = samples(9_000)
"""Of the user's sound while there is no server, or it is slow; then the oldest is lost. A model hears what it missed
faster than real time, but not much faster. A second less than our server lets wait, or the first live frame behind it
would be too much."""

WITHHELD = samples(10_000)
"""Of the model's sound while it is held; a bridge that thinks for longer waits in vain for this answer."""

AGAIN_AFTER_S = 10.0
"""A server that is lost again within it is not asked a second time."""

LOST = Counter("antiphon_personaplex_lost", "Speech servers lost in the middle of a call")
DROPPED = Counter(
    "antiphon_personaplex_dropped_seconds", "The user's sound that no speech server took in time"
)


class PersonaPlexEngine:
    """A model of the Moshi family (mode `personaplex`), on a server of ours or a stock one."""

    mode: Mode = "personaplex"
    traits = Traits(hears=True, holds=True, basis="model", ordered_basis="synthesizer")

    def __init__(
        self, servers: Servers, mind: Mind, synthesizer: Synthesizer, new_id: Callable[[], UUID]
    ) -> None:
        """`mind` answers what was typed, `synthesizer` says it and what else is ordered."""
        self._servers = servers
        self._voice = CascadeEngine(self.mode, mind, synthesizer)
        self._responses = Responses(new_id)
        self._brief: Brief | None = None
        self._line: Line | None = None
        self._sink: Sink | None = None
        self._changed = asyncio.Event()
        """The brief is another than the line's."""
        self._heard: deque[bytes] = deque()
        """Frames for the model."""
        self._rest = b""
        self._fresh = asyncio.Event()
        """There is a frame, or another hold, to be sent."""
        self._held = False
        self._withheld: list[Fact] = []
        """What the model said while held; the session knows nothing of it."""
        self._open: UUID | None = None
        """The turn that the session knows as being said."""

    # Orders.

    async def connect(self, brief: Brief) -> None:
        """Get a server, and wait until it is live; in mid-call another brief is taken up by `run`.

        Raises:
            PartAway: no server has a place.
        """
        await self._voice.connect(brief)
        self._brief = brief
        if self._sink is not None:
            self._changed.set()
        else:
            self._line = await self._servers.connect(brief)

    async def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()
        await self._voice.close()

    def hear(self, pcm: bytes) -> None:
        self._rest += pcm
        size = FRAME * BYTES
        while len(self._rest) >= size:
            self._heard.append(self._rest[:size])
            self._rest = self._rest[size:]
        while len(self._heard) * FRAME > KEPT:
            self._heard.popleft()
            DROPPED.inc(0.08)
        self._fresh.set()

    def answer(self, turn_id: UUID, conversation: Conversation) -> None:
        self._voice.answer(turn_id, conversation)

    def speak(self, turn_id: UUID, text: str) -> None:
        self._voice.speak(turn_id, text)

    def cancel(self, turn_id: UUID, heard_text: str) -> None:
        self._voice.cancel(turn_id, heard_text)
        if self._open == turn_id:
            self._open = None
            self._withheld.clear()
            self._responses.leave()

    def hold(self, on: bool, drop: bool = False) -> None:
        """Withhold what the model says; a server of ours keeps its model from saying it."""
        self._held = on
        self._fresh.set()
        if on:
            return
        self._tell_withheld(drop)
        if drop:
            self._withheld.clear()
            self._responses.leave()
            self._finish()
        else:
            # The session is in the middle of giving orders, and would not know the turn yet.
            asyncio.get_running_loop().call_soon(self._give, ())

    def _tell_withheld(self, dropped: bool) -> None:
        said = [fact for fact in self._withheld if isinstance(fact, Sounded)]
        words = [word.text for fact in said for word in fact.words]
        count = sum(len(fact.pcm) for fact in said) // BYTES
        if self._sink is not None:
            self._sink.withheld(" ".join(words), count, dropped)

    # The work.

    async def run(self, sink: Sink) -> None:
        """Hold the call until cancelled.

        Raises:
            PartAway: the server was lost, and no other has a place.
        """
        self._sink = sink
        tasks = {
            asyncio.create_task(self._voice.run(sink), name="personaplex voice"),
            asyncio.create_task(self._converse(), name="personaplex model"),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _converse(self) -> None:
        """One line after the other: another brief asks for another, and a lost one is replaced once."""
        again_from = 0.0
        while True:
            assert self._brief is not None, "connect comes first"
            self._changed.clear()
            line, self._line = self._line, None
            async with line or await self._servers.connect(self._brief) as line:
                lost = await self._talk(line)
            self._break_off(lost)
            if lost is None:
                continue
            LOST.inc()
            log.warning("speech server lost in a call", extra={"reason": lost.detail})
            now = asyncio.get_running_loop().time()
            if now < again_from:
                raise lost
            again_from = now + AGAIN_AFTER_S

    async def _talk(self, line: Line) -> LineLost | None:
        """Hold the call on one line; returns why it was lost, or None where another brief wants another line."""
        work = {
            asyncio.create_task(self._send(line), name="personaplex send"),
            asyncio.create_task(self._listen(line), name="personaplex listen"),
            asyncio.create_task(self._changed.wait(), name="personaplex brief"),
        }
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            return None
        except LineLost as lost:
            return lost
        finally:
            for task in work:
                task.cancel()
            await asyncio.wait(work)

    async def _send(self, line: Line) -> None:
        held = False
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            while self._heard or held != self._held:
                if held != self._held:
                    held = self._held
                    await line.hold(held)
                else:
                    await line.send(self._heard.popleft())

    async def _listen(self, line: Line) -> None:
        assert self._sink is not None, "it runs"
        async with contextlib.aclosing(line.said()) as said:
            async for each in said:
                if isinstance(each, str):
                    self._give(self._responses.text(each))
                else:
                    await self._sink.room()
                    self._give(self._responses.frame(each))

    def _break_off(self, lost: LineLost | None) -> None:
        """The line is gone: what was being said is over, or failed."""
        facts = list(self._responses.close())
        if lost is None:
            self._give(facts)
            return
        self._withheld.clear()
        if self._open is not None and self._sink is not None:
            self._sink.failed(self._open, lost.code, lost.detail)
            self._open = None

    def _give(self, facts: Iterable[Fact]) -> None:
        """Give the session what the model said, or keep it while the model is held."""
        self._withheld.extend(facts)
        if self._held:
            sound = sum(len(fact.pcm) for fact in self._withheld if isinstance(fact, Sounded))
            if sound > WITHHELD * BYTES:
                self._tell_withheld(dropped=True)
                self._withheld.clear()
                self._responses.leave()
            return
        ready, self._withheld = self._withheld, []
        for fact in ready:
            self._tell(fact)

    def _tell(self, fact: Fact) -> None:
        assert self._sink is not None, "it runs"
        match fact:
            case Opened(turn_id):
                self._open = turn_id
                self._sink.opened(turn_id)
            case Sounded(turn_id, pcm, words):
                self._sink.sound(turn_id, pcm, words)
            case Closed():
                self._finish()

    def _finish(self) -> None:
        if self._open is not None and self._sink is not None:
            turn_id, self._open = self._open, None
            self._sink.finished(turn_id)
