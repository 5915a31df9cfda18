"""Sound for the transcriber's tests: eSpeak NG's in a process of its own, and people's."""

import functools
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

Sound = npt.NDArray[np.int16]

HUMAN = Path(__file__).parents[2] / "data" / "human"
SPEAK = """
import sys
from services.synthesizer.espeak import Espeak
with Espeak() as espeak:
    sys.stdout.buffer.write(espeak.rate.to_bytes(4, "little"))
    sys.stdout.buffer.write(espeak.speak(sys.argv[1], sys.argv[2]).pcm.tobytes())
"""


@functools.cache
def spoken(text: str, rate: int = 24000, voice: str = "en-us") -> Sound:
    """`text` by eSpeak, between two half seconds of silence."""
    made = subprocess.run(
        [sys.executable, "-c", SPEAK, text, voice], capture_output=True, check=True, timeout=60
    )
    own_rate = int.from_bytes(made.stdout[:4], "little")
    return _between_silences(np.frombuffer(made.stdout[4:], "<i2"), own_rate, rate)


def human(name: str, rate: int = 24000) -> Sound:
    """A person's recording, between two half seconds of silence."""
    with wave.open(str(HUMAN / name)) as file:
        return _between_silences(np.frombuffer(file.readframes(file.getnframes()), "<i2"), 16000, rate)


def silence(seconds: float, rate: int = 24000) -> Sound:
    """Digital silence."""
    return np.zeros(round(seconds * rate), np.int16)


def extent(sound: Sound, rate: int = 24000) -> tuple[int, int]:
    """Where the sound rises above a twentieth of its loudest 10 ms for the first time, and for the last."""
    step = rate // 100
    level = np.sqrt(
        np.mean(sound[: len(sound) // step * step].reshape(-1, step).astype(np.float64) ** 2, axis=1)
    )
    loud = np.flatnonzero(level > level.max() / 20)
    return int(loud[0]) * step, int(loud[-1] + 1) * step


def distance(said: str, heard: str) -> int:
    """How many words must be put in, left out or changed to get from one to the other."""
    wanted = heard.split()
    row = list(range(len(wanted) + 1))
    for i, word in enumerate(said.split(), 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(wanted, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def _between_silences(sound: Sound, rate: int, wanted: int) -> Sound:
    resampled = soxr.resample(sound.astype(np.float32), rate, wanted)
    clipped = np.clip(resampled, -32768, 32767).astype(np.int16)
    return np.concatenate([silence(0.5, wanted), clipped, silence(0.5, wanted)])
