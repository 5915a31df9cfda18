"""Says something while a turn waits for what it asked for: the clock and the words to `bridge.fillers`."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from bridge.events import Reply, Utterance
from bridge.fillers import Fillers, Patience
from bridge.sentences import Sentences
from services.orchestrator.protocol import Plan


class Filling:
    """Belongs to one reading of a turn. Its timer ends with the reading, and with words of any other kind."""

    def __init__(
        self, utterance: Utterance, sentences: Sentences, patience: Patience, tell: Callable[[Reply], None]
    ) -> None:
        self._utterance, self._sentences, self._tell = utterance, sentences, tell
        self._loop = asyncio.get_running_loop()
        self._fillers = Fillers(patience, self._loop.time())
        self._timer: asyncio.TimerHandle | None = None
        self._plan = Plan()
        self._invocation_id: UUID | None = None
        self._progress = ""
        """What the tool told of itself since something was said last."""

    def wished(self) -> None:
        """The words are a wish, and it is being planned."""
        self._fillers.wished()
        self._wait()

    def planned(self, plan: Plan, invocation_id: UUID, expected: float | None) -> None:
        """The deed is written down; `expected` as in `Fillers.planned`."""
        self._plan, self._invocation_id = plan, invocation_id
        self._fillers.planned(self._loop.time(), expected)
        self._look()

    def acknowledged(self, plan: Plan, invocation_id: UUID) -> None:
        """It was just said that the deed is in hand."""
        self._plan, self._invocation_id = plan, invocation_id
        self._fillers.acknowledged(self._loop.time())
        self._wait()

    def progressed(self, text: str) -> None:
        """The tool tells how far it is, in words for the ear."""
        self._progress = text

    def end(self) -> None:
        """Nothing more is to be said by this."""
        self._fillers.end()
        self._wait()

    def _look(self) -> None:
        if self._fillers.is_due(self._loop.time()):
            turn_id = self._utterance.turn_id
            if self._fillers.said == 1:
                text = self._sentences.acknowledgement(self._plan, turn_id, self._utterance.text)
            else:
                text = self._sentences.waiting(self._progress, turn_id)
            self._progress = ""
            if text:
                self._tell(Reply(turn_id, text, "filler", self._invocation_id))
        self._wait()

    def _wait(self) -> None:
        if self._timer:
            self._timer.cancel()
        due = self._fillers.due_at
        self._timer = None if due is None else self._loop.call_at(due, self._look)
