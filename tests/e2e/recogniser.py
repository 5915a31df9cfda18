"""Which of 20 sentences does this sound say? A recogniser that favours none of them, and may answer: none.

Each candidate is a grammar of its own, of one sentence, and is forced onto the sound; no language model takes part,
so nothing but the sound speaks for one or against another. What it scores is measured against a loop of bare
phones, in any order, over the same sound: speech fits its own sentence better than such babble, and babble made
of the same pieces does not.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import soxr
from pocketsphinx import Decoder, get_model_path

from gateway.cli.waveforms import Pcm, first_sound, last_sound
from gateway.session.clock import RATE
from tests.e2e.speech import cut

EAR_RATE = 16_000
PAD_S = 0.2
NOISE = 8.0
"""RMS, in units of a sample. The model was trained on rooms; digital silence worsens it."""

CERTAIN = 130.0
"""Fit and lead together. Measured twice on 55 sentences of the agent's voice, each among 20 of like length: all are
picked, with 153 or more (a short one with a pause in it; the others 159 to 564). The best candidate for the same sounds
in shuffled pieces of 80 ms reaches 114 at most (the next of them 69), backwards 65; another sentence's sound fits none
better than babble."""

PHONES = """AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z
ZH""".split()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the recogniser makes of a sound."""

    sentence: str
    """The likeliest candidate."""
    fit: float
    """How much better than babble it fits, a frame of 10 ms, in the model's own small units."""
    margin: float
    """By how much it leads the next."""

    @property
    def heard(self) -> str | None:
        """The sentence, if it was truly said."""
        return self.sentence if self.fit > 0 and self.fit + self.margin >= CERTAIN else None


def recognise(pcm: Pcm, candidates: Sequence[str]) -> Verdict:
    """Pick what `pcm` (24 kHz) says, from its first sound to its last, out of `candidates` (see `words`)."""
    decoder = _decoder()
    sound = _for_the_ear(pcm)
    babble = _score(decoder, "babble", sound)
    fits = []
    for sentence in candidates:
        decoder.add_jsgf_string("sentence", f"#JSGF V1.0; grammar one; public <one> = {sentence};")
        score = _score(decoder, "sentence", sound)
        fits.append(-math.inf if score is None or babble is None else score - babble)
    order = np.argsort(fits)[::-1]
    best, next_best = fits[order[0]], fits[order[1]]
    margin = best - next_best if math.isfinite(next_best) else 0.0
    return Verdict(candidates[order[0]], best, margin)


def of_like_length(candidates: Sequence[str]) -> bool:
    """Whether no candidate has more than 1.6 times the phones of another: short ones soak up any sound."""
    counts = [_phones(sentence) for sentence in candidates]
    return max(counts) <= 1.6 * min(counts)


def _phones(sentence: str) -> int:
    decoder = _decoder()
    return sum(len((decoder.lookup_word(word) or "").split()) for word in sentence.split())


def nearest_in_length(sentence: str, others: Sequence[str], count: int = 20) -> list[str]:
    """`sentence` and the `count` - 1 of `others` that are nearest to it in length."""
    length = _phones(sentence)
    rest = sorted({other for other in others if other != sentence}, key=lambda o: abs(_phones(o) - length))
    return sorted([sentence, *rest[: count - 1]])


def known(sentence: str) -> bool:
    """Whether the dictionary has every word of it."""
    return all(_decoder().lookup_word(word) for word in sentence.split())


def words(text: str) -> str:
    """A text as it is spoken: lower case, numbers and times of day in words."""
    text = re.sub(r"(\d+):0(\d)", lambda t: f"{number(int(t[1]))} zero {number(int(t[2]))}", text)
    text = re.sub(r"(\d+):(\d\d)", lambda t: f"{number(int(t[1]))} {number(int(t[2]))}", text)
    text = re.sub(r"(\d+)\.(\d+)", lambda n: f"{number(int(n[1]))} point {_digits(n[2])}", text)
    text = re.sub(r"\d+", lambda n: number(int(n[0])), text)
    return " ".join(re.findall(r"[a-z']+", text.lower()))


UNITS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen""".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def number(value: int) -> str:
    """0 to 999 in words."""
    if value < 20:
        return UNITS[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return TENS[tens - 2] + (f" {UNITS[ones]}" if ones else "")
    hundreds, rest = divmod(value, 100)
    return f"{UNITS[hundreds]} hundred" + (f" {number(rest)}" if rest else "")


def _digits(text: str) -> str:
    return " ".join(UNITS[int(digit)] for digit in text)


@cache
def _decoder() -> Decoder:
    model = f"{get_model_path()}/en-us"
    # Beams so wide that no candidate is lost on the way, language weight 1: the sound alone decides.
    decoder = Decoder(
        hmm=f"{model}/en-us",
        dict=f"{get_model_path()}/en-us/cmudict-en-us.dict",
        lm=None,
        loglevel="FATAL",
        lw=1.0,
        wip=1.0,
        beam=1e-200,
        wbeam=1e-200,
        pbeam=1e-200,
        maxhmmpf=-1,
        cmn="batch",
        bestpath=False,
    )
    decoder.add_word("myca", "M AY K AH", False)
    babble = [f"{phone.lower()}zz" for phone in PHONES]
    for name, phone in zip(babble, PHONES, strict=True):
        decoder.add_word(name, phone, phone == PHONES[-1])
    decoder.add_jsgf_string("babble", f"#JSGF V1.0; grammar b; public <b> = ( {' | '.join(babble)} )+;")
    return decoder


def _for_the_ear(pcm: Pcm) -> bytes:
    """From its first audible moment to its last, at the model's rate, with a little room around it."""
    audible = cut(pcm, first_sound(pcm) or 0.0, last_sound(pcm) or len(pcm) / RATE)
    sound = soxr.resample(audible.astype(np.float64), RATE, EAR_RATE)
    pad = np.zeros(round(PAD_S * EAR_RATE))
    padded = np.concatenate([pad, sound, pad])
    noisy = padded + np.random.default_rng(1).normal(0, NOISE, len(padded))
    return bytes(np.clip(noisy, -32768, 32767).astype("<i2").tobytes())


def _score(decoder: Decoder, grammar: str, sound: bytes) -> float | None:
    """The best path's score a frame; None when no path reaches the grammar's end."""
    decoder.activate_search(grammar)
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    return 1e5 * math.log(best.score) / decoder.n_frames() if best is not None else None
