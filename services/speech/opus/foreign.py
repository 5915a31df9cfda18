"""What came in place of what was wanted, by its first bytes."""

FORMATS = (
    (0, b"\x1aE\xdf\xa3", "WebM (as a browser's MediaRecorder makes it)"),
    (0, b"RIFF", "WAV"),
    (0, b"OggS", "Ogg"),
    (0, b"\x01Ogg", "a kind byte in front of Ogg"),
    (0, b"OpusHead", "Opus without Ogg"),
    (4, b"ftyp", "MP4"),
    (0, b"fLaC", "FLAC"),
    (0, b"ID3\x03", "MP3"),
    (0, b"ID3\x04", "MP3"),
    (0, b"FORM", "AIFF"),
    (0, b"caff", "CAF"),
    (0, b"#!AMR", "AMR"),
)
"""Where its mark lies, the mark, its name. Marks of fewer than four bytes are as likely in PCM."""

CODECS = (
    (b"\x01vorbis", "Ogg Vorbis"),
    (b"\x7fFLAC", "Ogg FLAC"),
    (b"Speex   ", "Ogg Speex"),
    (b"\x80theora", "Ogg Theora, a video,"),
    (b"fishead", "Ogg Skeleton"),
)
"""How the first packet of another codec's stream begins."""


def format_of(data: bytes) -> str | None:
    """The name of the format of which these are the first bytes, twelve of them."""
    return next((name for at, mark, name in FORMATS if data[at : at + len(mark)] == mark), None)


def named(data: bytes) -> str:
    """What begins with these bytes, for a sentence."""
    return (
        format_of(data)
        or f"bytes that begin with {data[:4].hex(' ')} (if they are PCM16, ask for codec=pcm16)"
    )


def codec_named(packet: bytes) -> str:
    """What an Ogg stream holds whose first packet this is, for a sentence."""
    known = (name for mark, name in CODECS if packet.startswith(mark))
    return next(known, f"an Ogg stream that begins with {packet[:8].hex(' ') or 'nothing'}")
