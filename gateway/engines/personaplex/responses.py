"""Cuts what a duplex model says, frame by frame and without end, into responses with a beginning and an end.

A piece of text or audible sound opens a response; eight quiet frames without text close it. That no frame comes means
nothing: the server may be late.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from gateway.session.clock import BYTES, samples
from gateway.session.events import Word

FRAME = 1920
"""Samples, 80 ms."""

QUIET_FRAMES = 8
"""640 ms: longer than the pauses within what somebody says, shorter than those between two things."""

TAIL_FRAMES = 2
"""So many quiet frames are given on as they come. Of a longer pause the rest is not sent: it comes about by itself, and
the agent has nothing left to say when the user answers before the response is known to be over."""

LEFT_FRAMES = 125
"""10 s: a model that is told to stop and talks on for so long is saying something else by now."""

HUSH = 32_768 * 10 ** (-50 / 20)
"""Root mean square of a frame below which it is quiet: -50 dBFS. The codec's own silence is no digital one."""

LONGEST_WORD = samples(800)
"""A word behind which the model paused does not last until the next."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A response begins."""

    turn_id: UUID


@dataclass(frozen=True, slots=True)
class Sounded:
    """PCM16 of a response, and the words that were completed: their places are those at which their text came."""

    turn_id: UUID
    pcm: bytes
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """The response is over."""

    turn_id: UUID


Fact = Opened | Sounded | Closed


class Responses:
    """Takes the model's text and frames in the order in which they come."""

    def __init__(self, new_id: Callable[[], UUID]) -> None:
        self._new_id = new_id
        self.turn_id: UUID | None = None
        """The response that is open."""
        self._left = 0
        """For so many frames, unless it is quiet before, what is being said is nobody's."""
        self._quiet = 0
        """Quiet frames in a row."""
        self._given = 0
        """Samples of the response."""
        self._audible = 0
        """Up to where it was audible."""
        self._word, self._word_start = "", 0
        self._words: list[Word] = []
        """Complete, and to be given with the next sound."""

    def text(self, piece: str) -> Iterator[Fact]:
        """A piece of a word; a space, or `▁`, begins another."""
        self._quiet = 0
        if self._left:
            return
        yield from self._open()
        piece = piece.replace("▁", " ")
        if piece[:1].isspace():
            self._finish_word()
        if not self._word:
            self._word_start = self._given
        self._word += piece.strip()

    def frame(self, pcm: bytes) -> Iterator[Fact]:
        """A frame of PCM16."""
        loud = is_loud(pcm)
        self._quiet = 0 if loud else self._quiet + 1
        self._left = max(0, self._left - 1)
        if self._quiet >= QUIET_FRAMES:
            yield from self.close()
        elif not self._left and (loud or (self._audible and self._quiet <= TAIL_FRAMES)):
            yield from self._open()
            assert self.turn_id is not None, "it was just opened"
            self._given += len(pcm) // BYTES
            if loud:
                self._audible = self._given
            yield Sounded(self.turn_id, pcm, self._take_words())

    def leave(self) -> None:
        """What is being said is nobody's: nothing comes of it, up to the next eight quiet frames or for 10 s."""
        if self.turn_id is not None:
            self._reset()
            self._left = LEFT_FRAMES

    def close(self) -> Iterator[Fact]:
        """End what is open: the model was quiet, or is gone."""
        turn_id = self.turn_id
        self._finish_word()
        words = self._take_words()
        self._reset()
        if turn_id is not None:
            if words:
                yield Sounded(turn_id, b"", words)
            yield Closed(turn_id)

    def _open(self) -> Iterator[Fact]:
        if self.turn_id is None:
            self.turn_id = self._new_id()
            yield Opened(self.turn_id)

    def _reset(self) -> None:
        self.turn_id, self._left = None, 0
        self._given = self._audible = 0
        self._word, self._words = "", []

    def _finish_word(self) -> None:
        if self._word:
            end = min(self._audible, self._word_start + LONGEST_WORD)
            self._words.append(Word(self._word, self._word_start, max(self._word_start, end)))
            self._word = ""

    def _take_words(self) -> tuple[Word, ...]:
        words, self._words = tuple(self._words), []
        return words


def is_loud(pcm: bytes) -> bool:
    """Whether something is to be heard in a frame of PCM16."""
    sound = np.frombuffer(pcm, "<i2").astype(np.float32)
    return bool(len(sound)) and float(np.sqrt(np.mean(sound * sound))) >= HUSH
