"""What was measured of the user's turns, kept until an answer to it sounds."""

from uuid import UUID

TIMED_TURNS = 8
"""Turns whose spans are kept; what is measured of an older one comes alone."""

Spans = dict[str, float]
"""Milliseconds by span."""


class Timings:
    """Spans of the last turns, each told once: with the first response that sounds behind it."""

    def __init__(self) -> None:
        self._spans: dict[UUID, Spans] = {}
        self._answered: dict[UUID, None] = {}
        """Turns whose first answer has sounded."""

    def note(self, turn_id: UUID, span: str, took_ms: float) -> Spans | None:
        """Keep one span of a user's turn; the last one before its answer's first sound gives back all so far."""
        spans = self._spans.setdefault(turn_id, {})
        spans[span] = took_ms
        while len(self._spans) > TIMED_TURNS:
            del self._spans[next(iter(self._spans))]
        if span != "first_audio":
            return None
        self._answered[turn_id] = None
        while len(self._answered) > TIMED_TURNS:
            del self._answered[next(iter(self._answered))]
        return self._spans.pop(turn_id, spans)

    def sounded(self, turn_id: UUID) -> Spans | None:
        """A response to this turn sounds: what was measured since an earlier one did, or None."""
        return self._spans.pop(turn_id, None) if turn_id in self._answered else None
