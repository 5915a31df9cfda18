"""The worked example and the times in `docs/session.md` are what the rules do."""

import re
from pathlib import Path

from gateway.session import (
    agent_floor,
    answers,
    company,
    endpointing,
    interruption,
    pcm,
    playout,
    track,
    uplink,
    user_floor,
)
from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import samples
from tests.gateway.session.driver import Call

PAGE = Path(__file__).parents[3] / "docs" / "session.md"

SHOWN_EVENTS = (on.SpeechStarted, on.SpeechStopped, on.TranscriptReady, on.InjectionAsked)
HIDDEN_EFFECTS = (do.Measured, do.UserWords)


def example() -> Call:
    """A question that a tool answers; "mhm" over the answer, then "stop"."""
    question = "what day is today"
    answer = "It is noon in London and eight in the evening in Tokyo."
    call = Call(replies={question: [(0, "One moment.", "filler"), (900, answer, "tool")]})
    call.says(question, at=1000)
    call.says("mhm", at=4400, word=300)
    call.says("stop", at=6000)
    return call.until(6500)


def lines(call: Call) -> list[str]:
    """Events on the left, what follows from them on the right."""
    told: dict[float, list[str]] = {}
    for entry in call.tape:
        if isinstance(entry, SHOWN_EVENTS):
            told.setdefault(round(entry.at / 24), []).append(f"{type(entry).__name__} →")
    for when, effect in call.log:
        if not isinstance(effect, HIDDEN_EFFECTS):
            detail = (
                getattr(effect, "kind", "") or getattr(effect, "state", "") or getattr(effect, "status", "")
            )
            told.setdefault(round(when), []).append(
                type(effect).__name__ + (f" ({detail})" if detail else "")
            )
    return [f"{when:>5} ms  {' '.join(names)}" for when, names in sorted(told.items())]


def test_the_worked_example_is_what_the_rules_do() -> None:
    shown = PAGE.read_text(encoding="utf-8").split("```timeline\n")[1].split("```")[0]
    assert shown.splitlines() == lines(example())


def test_the_times_on_the_page_are_those_of_the_rules() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([\d,]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    modules = (
        agent_floor,
        answers,
        company,
        endpointing,
        interruption,
        pcm,
        playout,
        track,
        uplink,
        user_floor,
    )
    rules = {name: value for module in modules for name, value in vars(module).items() if name.isupper()}
    assert len(rows) > 20
    for name, shown in rows:
        assert rules[name] == samples(int(shown.replace(",", ""))), name
