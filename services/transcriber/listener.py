"""One call's ears: sound of any rate in, voice activity and words out. All work and no input or output."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import soxr

from services.transcriber.activity import Activity, Began, Ended
from services.transcriber.loudness import Samples
from services.transcriber.pitch import Pitch
from services.transcriber.protocol import Event, Final, Partial, SpeechStarted, SpeechStopped, Word
from services.transcriber.recogniser import RATE, Heard, Recogniser, confidence

VAD_FRAME = 512
"""Samples at 16 kHz, 32 ms: what the voice activity model takes."""
PRE_ROLL = 10 * VAD_FRAME
"""What the recogniser gets from before the onset: a soft "f" or "h" is no voice yet, and it wants some quiet."""
TAIL = 16 * VAD_FRAME
"""What it gets after the last voice; the rest of a longer pause is left out."""
KEPT = PRE_ROLL + 5 * VAD_FRAME
"""The pre-roll and what passes until an onset is decided."""
PARTIAL_EVERY = 4 * VAD_FRAME
"""128 ms of sound. The words are also told when the voice stops, and when what follows a voice was heard."""
GARBAGE = 0.15
"""An utterance less certain than this is left out: talk in other languages and sound played backwards lie at
0.05 to 0.4, understood requests at 0.8."""

Probability = Callable[[Samples], float]
"""Takes a voice activity frame of 512 samples; answers how likely it is speech."""


class Listener:
    """Takes one call's sound in order and answers with events. Not for several threads."""

    def __init__(self, hears: Recogniser, speech: Probability, rate: int, language: str) -> None:
        """`rate` is that of the sound to come."""
        self._recogniser, self._speech, self._language = hears, speech, language
        self._rate = rate
        self._received = 0
        """Samples, at the socket's rate."""
        self._recent: deque[tuple[int, Samples]] = deque(maxlen=KEPT // VAD_FRAME)
        """Frames that the recogniser has not had, each with its position."""
        self._start(speaking=False)

    def _start(self, speaking: bool) -> None:
        """Begin a turn: a new grid of frames from here on. Positions go on."""
        self._resample = soxr.ResampleStream(self._rate, RATE, 1, dtype="float32", quality="HQ")
        self._origin = round(self._received * RATE / self._rate)
        """Where frame 0 lies, at 16 kHz, as `_next`."""
        self._next = self._origin
        """Where the frame lies that comes next."""
        self._rest: Samples = np.empty(0, np.float32)
        """Less than a frame."""
        self._activity = Activity(speaking)
        self._pitch = Pitch()
        self._open_until: int | None = self._next if speaking else None
        """Up to where the recogniser gets all sound, if nobody speaks; None when that lies behind."""
        self._told: tuple[Word, ...] = ()
        self._since_partial = 0

    def hear(self, pcm: bytes) -> Iterator[Event]:
        """Take PCM16 sound; what it tells comes as soon as it is known."""
        sound = np.frombuffer(pcm, "<i2").astype(np.float32)
        self._received += len(sound)
        yield from self._frames(self._resample.resample_chunk(sound))

    def skip(self, samples: int) -> Iterator[Event]:
        """Sound was lost: go on as if it had been silence of that length."""
        if self._activity.speaking:
            yield SpeechStopped(self._received)
        self._received += samples
        self._recent.clear()
        self._start(speaking=False)

    def finish(self) -> Iterator[Event]:
        """The turn is over: its last words, and a fresh start."""
        yield from self._frames(self._resample.resample_chunk(np.empty(0, np.float32), last=True))
        if self._open_until is not None and len(self._rest):
            self._recogniser.feed(self._rest, self._next)
        yield self._final(self._recogniser.finish())
        # A voice does not stop for the order: what it goes on to say belongs to the next turn.
        self._start(self._activity.speaking)

    def _frames(self, sound: Samples) -> Iterator[Event]:
        self._rest = np.concatenate([self._rest, sound])
        while len(self._rest) >= VAD_FRAME:
            frame, self._rest = self._rest[:VAD_FRAME], self._rest[VAD_FRAME:]
            yield from self._frame(frame)

    def _frame(self, frame: Samples) -> Iterator[Event]:
        position, self._next = self._next, self._next + VAD_FRAME
        change = self._activity.hear(self._speech(frame))
        match change:
            case Began(number):
                onset = self._origin + number * VAD_FRAME
                yield SpeechStarted(self._at(onset))
                # In one piece, so that its loudness is that of the voice.
                frame = np.concatenate(
                    [*(kept for at, kept in self._recent if at >= onset - PRE_ROLL), frame]
                )
                position = self._next - len(frame)
                self._recent.clear()
                self._open_until = self._next
            case Ended(number):
                self._open_until = self._origin + number * VAD_FRAME + TAIL
        if self._activity.speaking or (self._open_until is not None and position < self._open_until):
            self._recogniser.feed(frame, position)
            self._pitch.hear(frame)
            self._since_partial += VAD_FRAME
            if isinstance(change, Ended):
                # How long its last word sounded says whether the voice goes on: known by now, not when it was guessed.
                yield from self._partial(places_count=True)
            elif self._since_partial >= PARTIAL_EVERY:
                yield from self._partial()
        else:
            if self._open_until is not None:
                self._open_until = None
                yield from self._partial()
                self._recogniser.pause()
            self._recent.append((position, frame))
        if isinstance(change, Ended):
            # Behind the words up to here: how long to wait for more is judged by the last of them.
            stopped = self._at(self._origin + change.frame * VAD_FRAME)
            yield SpeechStopped(stopped, self._pitch.stays_up())

    def _partial(self, places_count: bool = False) -> Iterator[Partial]:
        """The words so far, if they changed, or, where that counts, their places."""
        self._since_partial = 0
        words = self._words(self._recogniser.words())
        text = _text(words)
        if text != _text(self._told) or (places_count and words != self._told):
            self._told = words
            yield Partial(text, words)

    def _final(self, words: Sequence[Heard]) -> Final:
        sure = round(confidence(words), 3)
        kept = words if sure >= GARBAGE else ()
        return Final(_text(kept), self._words(kept), sure, self._language)

    def _words(self, words: Sequence[Heard]) -> tuple[Word, ...]:
        return tuple(Word(word.text, self._at(word.start), self._at(word.end)) for word in words)

    def _at(self, position: int) -> int:
        """A position at 16 kHz as one at the socket's rate, which never lies ahead of what came."""
        return min(round(position * self._rate / RATE), self._received)


def _text(words: Sequence[Heard | Word]) -> str:
    return " ".join(word.text for word in words)
