"""A recording that somebody uploads: WAV, as PCM16 of one channel at its own rate."""

from dataclasses import dataclass

from services.base.problems import Invalid
from services.base.wav import BadWav, parse_wav, pcm16


class BadSound(Invalid):
    """The upload is no sound that can be read here; the detail says what came and what is wanted."""

    code, title = "bad_audio", "The sound cannot be read"


@dataclass(frozen=True, slots=True)
class Recording:
    """Sound of one channel."""

    pcm: bytes
    """PCM16, little endian."""
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / self.rate


def read_wav(data: bytes) -> Recording:
    """Read a WAV file; several channels are mixed into one.

    Raises:
        BadSound: it is another format, damaged, or at a rate that cannot be.
    """
    try:
        found = parse_wav(data)
    except BadWav as error:
        raise BadSound(f"the upload {error}") from error
    return Recording(pcm16(found.samples), found.rate)
