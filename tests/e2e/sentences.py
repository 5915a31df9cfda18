"""What the agent may say: the sentences among which the recogniser has to choose."""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any

from personas.loader import load
from services.orchestrator.tools.ear import spoken_time
from tests.e2e.recogniser import known, nearest_in_length, words

STEP = timedelta(minutes=67)
"""It shares no factor with a day, and changes both hour and minute."""

PLACES = """Tokyo Paris London Berlin Sydney Boston Denver Chicago Dallas Cairo Madrid Lisbon Vienna Dublin Athens Oslo
Havana Moscow Geneva Detroit Houston""".split()


@cache
def small_talk_sentences() -> list[str]:
    """Everything that the default persona may chat, in words that the recogniser knows."""
    replies = (words(reply) for talk in load().default.small_talk for reply in talk.replies)
    return sorted({reply for reply in replies if known(reply)})


def reply_sentences(intent: str) -> list[str]:
    """What the default persona may reply to this small talk."""
    return [
        words(reply) for talk in load().default.small_talk if talk.intent == intent for reply in talk.replies
    ]


def times_in(place: str, at: time, day: str = "") -> list[str]:
    """The sentence that tells this time in this place, and 19 others of like length that tell other times or places.

    `day` is the word that the clock adds where the day there is another than here: "tomorrow", "yesterday".
    """
    start = datetime.combine(datetime.min, at)
    others = [_told(place, (start + n * STEP).time(), day) for n in range(1, 60)]
    return nearest_in_length(
        _told(place, at, day), [*others, *(_told(other, at, day) for other in PLACES if other != place)]
    )


def times_like(result: Mapping[str, Any]) -> list[str]:
    """`times_in` for what the clock's result tells of Tokyo, at whatever time of day the test runs."""
    day = re.search("tomorrow|yesterday", result["response_text"])
    return times_in("Tokyo", datetime.fromisoformat(result["data"]["at"]).time(), day[0] if day else "")


def _told(place: str, at: time, day: str) -> str:
    return words(f"It's {spoken_time(at)} {day} in {place}.")
