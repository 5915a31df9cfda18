"""How long an engine that hears is kept from speaking, and whether what it says meanwhile is wanted then."""

from gateway.session.clock import samples
from gateway.session.effects import Hold

LONGEST = samples(10_000)
"""A tool may take minutes; a model that is silent for so long hears nobody any more."""

TIMELY = samples(2500)
"""What the model began to say longer ago than that is no answer any more to who has been waiting."""


class Holding:
    """Follows what is wanted, from one hold to the next. Times in samples of the session clock."""

    def __init__(self) -> None:
        self._since: int | None = None
        """Since when it is wanted."""
        self._on = False

    def follow(self, now: int, wanted: bool, answers: bool) -> Hold | None:
        """The order that follows, if one does; `answers`: by now it is the engine that is to answer."""
        if not wanted:
            late = self._since is not None and now - self._since > TIMELY
            self._since = None
            return self._turn(False, drop=late or not answers)
        if self._since is None:
            self._since = now
        # Once it was held for too long, it is not held again for the same.
        is_over = now - self._since > LONGEST
        return self._turn(not is_over, drop=is_over)

    def _turn(self, on: bool, drop: bool) -> Hold | None:
        if on == self._on:
            return None
        self._on = on
        return Hold(on, drop)
