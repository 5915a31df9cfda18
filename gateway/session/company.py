"""Keeps the user company: a greeting when they come, a gentle word when nobody has spoken for long."""

from gateway.session.clock import samples
from gateway.session.rules import Rules

GREETED_AFTER = samples(600)
"""Who comes with a wish on their lips has begun to say it by then, and is not greeted over it."""

STALE = samples(3000)
"""Such a word that could not be said by then is not said."""

MOST = 2
"""Words into the same silence; then the agent is silent too, until somebody speaks."""


class Company:
    """When to speak unasked. Times in samples of the session clock."""

    def __init__(self) -> None:
        self._greet_at: int | None = None
        self._quiet_since = 0
        self._said = 0
        """Words into this silence."""

    def came(self, now: int) -> None:
        """Somebody who wants to be greeted is there."""
        self._greet_at = now + GREETED_AFTER

    def spoke(self) -> None:
        """The user said something."""
        self._greet_at, self._said = None, 0

    def due(self, now: int, rules: Rules, busy: bool) -> str | None:
        """What to say now; `busy` says whether anybody speaks, or something is being done."""
        if busy or not rules.speaks_unasked:
            self._quiet_since = now
            return None
        if self._greet_at is not None and now >= self._greet_at:
            self._greet_at = None
            return rules.greeting or None
        is_long = rules.silence and now - self._quiet_since >= rules.silence
        if not is_long or rules.push_to_talk or self._said >= MOST or not rules.still_there:
            return None
        self._said += 1
        return rules.still_there[(self._said - 1) % len(rules.still_there)]
