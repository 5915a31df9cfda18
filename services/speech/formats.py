"""Which reader and writer a call has, by the `codec` that its client asked for."""

from services.speech.opus import OpusReader, OpusWriter
from services.speech.pcm16 import Pcm16Reader, Pcm16Writer
from services.speech.protocol import Codec
from services.speech.samples import SoundReader, SoundWriter


def reader_of(codec: Codec) -> SoundReader:
    """Of the client's bytes."""
    return OpusReader() if codec == "ogg" else Pcm16Reader()


def writer_of(codec: Codec) -> SoundWriter:
    """Of bytes for the client."""
    return OpusWriter() if codec == "ogg" else Pcm16Writer()
