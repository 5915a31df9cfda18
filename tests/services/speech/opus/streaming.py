"""Sounds, streams made of them, and how like two sounds are."""

import functools
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from services.speech.opus import OpusReader, OpusWriter
from services.speech.opus.codec import Codec
from services.speech.opus.ogg import Page, write_page
from services.speech.opus.packets import write_head, write_tags
from services.speech.samples import Samples
from services.speech.shapes import FRAME_SAMPLES, SAMPLE_RATE
from tests.services.transcriber.voices import spoken

SENTENCE = "Please turn on the light in the kitchen, and set a timer for eleven minutes."


def tone(frames: int, hertz: float = 1000) -> Samples:
    """A sine at half of full scale."""
    time = np.arange(frames * FRAME_SAMPLES) / SAMPLE_RATE
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


@functools.cache
def speech() -> Samples:
    """eSpeak's, in whole frames."""
    sound = spoken(SENTENCE).astype(np.float32) / 32_768
    return np.asarray(sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES], np.float32)


def frames(sound: Samples) -> list[Samples]:
    return list(sound.reshape(-1, FRAME_SAMPLES))


def written(codec: Codec, sound: Samples) -> list[bytes]:
    """A message a frame."""
    writer = OpusWriter(codec)
    return [writer.write(frame) for frame in frames(sound)]


def read(codec: Codec, messages: Iterable[bytes]) -> Samples:
    reader = OpusReader(codec)
    return np.concatenate([reader.read(message) for message in messages])


def stream(*packets: bytes, serial: int = 9, head: bytes | None = None) -> bytes:
    """A stream whose packets have a page each."""
    pages = [head or write_head(0), write_tags(), *packets]
    return b"".join(
        write_page(Page(serial, index, 0, (packet,), first=index == 0)) for index, packet in enumerate(pages)
    )


def shift(sound: Samples, back: Samples) -> int:
    """By how many samples `back` comes late."""
    size = 1 << (len(sound) + len(back)).bit_length()
    likeness = np.fft.irfft(np.conj(np.fft.rfft(sound, size)) * np.fft.rfft(back, size))
    return int(np.argmax(likeness))


def likeness(sound: Samples, back: Samples, late: int) -> float:
    """Correlation of the two, once `back` is moved to where it belongs."""
    return float(np.corrcoef(sound[: len(back) - late], back[late:])[0, 1])


def resemblance(sound: Samples, back: Samples, late: int) -> float:
    """Correlation of how loud the two are in 30 bands every 20 ms: what an ear goes by.

    A codec that models the voice keeps these and not the waveform. Of speech and itself 200 ms later it is 0.46.
    """
    return float(np.corrcoef(_loudness(sound[: len(back) - late]), _loudness(back[late:]))[0, 1])


def _loudness(sound: Samples) -> npt.NDArray[np.float64]:
    parts = sound[: len(sound) // 480 * 480].reshape(-1, 480) * np.hanning(480)
    power = np.add.reduceat(np.abs(np.fft.rfft(parts)) ** 2, np.arange(0, 240, 8), axis=1)
    return np.asarray(np.log10(power + 1e-4).ravel(), np.float64)


def energy(sound: Samples) -> float:
    return float(np.mean(np.square(sound, dtype=np.float64)))
