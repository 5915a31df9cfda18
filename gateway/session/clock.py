"""The session clock: samples at 24 kHz of monotonic time since the call began."""

RATE = 24_000
"""Samples a second, of the clock and of all sound inside the gateway (PCM16 mono)."""

BYTES = 2
"""Of one sample."""


def samples(ms: float) -> int:
    """Milliseconds as samples of the session clock."""
    return round(ms * RATE / 1000)


def ms(count: int) -> float:
    """Samples of the session clock as milliseconds."""
    return count * 1000 / RATE
