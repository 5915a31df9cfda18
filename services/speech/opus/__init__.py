"""Ogg Opus, the sound of PersonaPlex's wire, without I/O: `OpusReader` takes bytes, `OpusWriter` gives them.

`ogg` knows pages (RFC 3533), `packets` what is in them (RFC 7845, RFC 6716), `streams` reads and writes. The codec
itself is libopus or sphn, by `codec.chosen`.
"""

from services.speech.opus.codec import MissingCodec, chosen
from services.speech.opus.streams import OpusReader, OpusWriter

__all__ = ["MissingCodec", "OpusReader", "OpusWriter", "chosen"]
