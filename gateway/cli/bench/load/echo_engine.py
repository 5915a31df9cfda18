"""An engine that gives back all that it hears, and ears that hear nothing: what is left is the gateway itself.

Only the process under test puts them in (`under_test`); no setting chooses them.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

from gateway.cli.bench.load.signal import answer
from gateway.conversation import Conversation
from gateway.ports import Brief, Mode, Sink
from gateway.session.events import Event
from gateway.session.rules import Traits
from services.base.ids import new_id


class EchoEngine:
    """Hears, and gives each byte back as another (`signal.answer`).

    Each stretch of sound is a turn, ended by digital silence. Its callers' sound has no zero byte (`signal.frame`), so
    silence is told from it without a look at samples.
    """

    traits = Traits(hears=True, basis="model")

    def __init__(self, mode: Mode) -> None:
        self.mode: Mode = mode
        self._sink: Sink | None = None
        self._early: list[bytes] = []
        """What was heard before `run` had begun."""
        self._turn: UUID | None = None
        self._sounding = False

    async def connect(self, brief: Brief) -> None:
        pass

    async def run(self, sink: Sink) -> None:
        self._sink = sink
        early, self._early = self._early, []
        for pcm in early:
            self.hear(pcm)
        await asyncio.Event().wait()

    def hear(self, pcm: bytes) -> None:
        if self._sink is None:
            self._early.append(pcm)
        elif sound := pcm.strip(b"\0"):
            if self._turn is None:
                self._turn = new_id()
                self._sink.opened(self._turn)
            self._sounding = True
            self._sink.sound(self._turn, answer(sound))
        elif self._turn is not None and self._sounding:
            over, self._turn, self._sounding = self._turn, None, False
            self._sink.finished(over)

    def answer(self, turn_id: UUID, conversation: Conversation) -> None:
        """The next stretch of sound is the answer."""
        self._turn, self._sounding = turn_id, False

    def speak(self, turn_id: UUID, text: str) -> None:
        """It has no voice: the turn is over, with nothing said."""
        assert self._sink is not None, "nothing is ordered before the engine runs"
        self._sink.finished(turn_id)

    def cancel(self, turn_id: UUID, heard_text: str) -> None:
        if turn_id == self._turn:
            self._turn, self._sounding = None, False

    async def close(self) -> None:
        pass

    def hold(self, on: bool, drop: bool = False) -> None:
        pass


class NoEars:
    """Ears that are off: the transcriber's work is not the gateway's."""

    missing: str | None = None

    async def run(self, tell: Callable[[Event], None]) -> None:
        await asyncio.Event().wait()

    def hear(self, pcm: bytes) -> None:
        pass

    def finish(self) -> None:
        pass
