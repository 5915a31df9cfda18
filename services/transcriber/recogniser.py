"""Streaming recognition of one speaker: sound in pieces to words with their places."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from pocketsphinx import Decoder, Segment

from services.transcriber.lexicon import ACOUSTIC, base_form
from services.transcriber.loudness import Loudness, Samples
from services.transcriber.room import Room
from services.transcriber.vocabulary import Vocabulary

RATE = 16_000
FRAME = 160
"""Samples of one of the decoder's frames, in which it places words."""
MEANS = "55.05,-0.25,-0.37,7.81,-6.07,0.12,-3.40,-5.41,-1.93,-1.95,1.53,-1.47,0.73"
"""Cepstral means from which a call begins; they follow the speaker from there. Those of nine speakers, people's and
synthesizers', on average, over the room's noise. From PocketSphinx's own the first words of a call come out wrong two
to four times as often; the means of that very sentence, known ahead, would do no better than these."""
LONGEST = 20 * RATE
"""A pause after so much speech, and three times as much without one, begins a new decoder utterance: memory and the
last pass stay bounded however long somebody speaks."""
FILLER = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+)$")


@dataclass(frozen=True, slots=True)
class Heard:
    """A word and its place."""

    text: str
    start: int
    """Position of the first sample, on the scale of `feed`."""
    end: int
    probability: float
    """0 to 1, against all that the decoder took into account; 1 as long as the utterance runs."""


def load(vocabulary: Vocabulary) -> Decoder:
    """Make a decoder: 0.1 s, where the whole dictionary takes 0.5."""
    return Decoder(
        hmm=str(ACOUSTIC),
        lm=str(vocabulary.language_model),
        dict=str(vocabulary.dictionary),
        # The second pass costs a tenth of a second at the end. The last one, over the lattice of the first, takes
        # 5 ms, mends every tenth error and is where the words' probabilities come from.
        fwdflat=False,
        bestpath=True,
        loglevel="FATAL",
    )


class Recogniser:
    """One turn after the other through one decoder. Not for several threads."""

    def __init__(self, decoder: Decoder) -> None:
        # What the decoder has learned of another caller's voice is no use for this one.
        decoder.set_cmn(MEANS)
        self._decoder = decoder
        self._loudness = Loudness()
        self._room = Room()
        self._running = False
        self._settled: list[Heard] = []
        self._fed = 0
        """Samples that the running decoder utterance has had."""
        self._places: list[tuple[int, int]] = []
        """(samples fed before, position) of each stretch without a gap."""

    def feed(self, sound: Samples, position: int) -> None:
        """Decode the next piece of the turn; `position` may leap, where silence was left out."""
        if not self._running:
            self._decoder.start_utt()
            self._running, self._fed, self._places = True, 0, []
        if not self._places or self._place(self._fed) != position:
            self._places.append((self._fed, position))
        noisy = self._room.under(self._loudness.even(sound))
        self._decoder.process_raw(np.clip(noisy, -32768, 32767).astype("<i2").tobytes())
        self._fed += len(sound)
        if self._fed >= 3 * LONGEST:
            self._settle()

    def pause(self) -> None:
        """The speaker pauses: a good moment to let go of what lies far behind."""
        if self._fed >= LONGEST:
            self._settle()

    def words(self) -> list[Heard]:
        """The turn's words as they look now; the last ones may still change."""
        return [*self._settled, *(self._words() if self._running else [])]

    def finish(self) -> list[Heard]:
        """The turn's words for good; what comes next is another turn."""
        self._settle()
        words, self._settled = self._settled, []
        return words

    def _settle(self) -> None:
        if self._running:
            self._decoder.end_utt()
            self._settled += self._words()
            self._running = False

    def _words(self) -> list[Heard]:
        # Without a hypothesis there is no segmentation, and asking for one raises.
        if self._decoder.hyp() is None:
            return []
        return [self._heard(segment) for segment in self._decoder.seg() if not FILLER.match(segment.word)]

    def _heard(self, segment: Segment) -> Heard:
        start, end = segment.start_frame * FRAME, (segment.end_frame + 1) * FRAME
        return Heard(base_form(segment.word), self._place(start), self._place(end - 1) + 1, segment.prob)

    def _place(self, fed: int) -> int:
        """The position of the sample before which `fed` samples went into the decoder."""
        before, position = next(place for place in reversed(self._places) if place[0] <= fed)
        return position + fed - before


def confidence(words: Iterable[Heard]) -> float:
    """How sure these words are as a whole: their mean probability, each by its length; 0 of none."""
    weighted = [(word.probability, word.end - word.start) for word in words]
    total = sum(length for _, length in weighted)
    return math.fsum(p * length for p, length in weighted) / total if total else 0.0
