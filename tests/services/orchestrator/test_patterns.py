"""Plans by patterns: requests as people say them, questions, and what is none of our business."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from services.orchestrator.loader import load_agents
from services.orchestrator.patterns import MAX_TOKENS, PatternPlanner
from services.orchestrator.protocol import Plan

HERE = Path(__file__).parent
NOW = datetime(2026, 7, 14, 15, 42, tzinfo=ZoneInfo("America/New_York"))
PLANNER = PatternPlanner(load_agents())

RIGHT_AT_LEAST = 0.95
FALSE_AT_MOST = 0.02
"""Of 100 lines of CLINC150's validation part, a quarter of them small talk, none of an intent that our tools serve
(Larson et al., "An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction", 2019; CC BY 3.0)."""


def plan(message: str, **context: Any) -> Plan:
    return PLANNER.plan(message, context, NOW)


def is_right(row: Mapping[str, Any]) -> bool:
    made = plan(row["say"])
    wanted = {name: value for name, value in row.items() if name not in ("say", "tool")}
    return (made.tool, made.arguments, made.missing) == (row["tool"], wanted, [])


def test_requests_get_the_right_tool_and_the_right_arguments() -> None:
    rows = yaml.safe_load((HERE / "requests.yaml").read_text(encoding="utf-8"))
    wrong = [row["say"] for row in rows if not is_right(row)]
    assert len(rows) >= 120
    assert len(wrong) <= (1 - RIGHT_AT_LEAST) * len(rows), wrong


def test_small_talk_and_other_wishes_get_no_tool() -> None:
    lines = (HERE / "clinc150_sample.jsonl").read_text(encoding="utf-8").splitlines()
    phrases = [json.loads(line)["text"] for line in lines]
    false = [phrase for phrase in phrases if plan(phrase).tool]
    assert len(false) <= FALSE_AT_MOST * len(phrases), false


def test_a_plan_says_how_it_acknowledges_and_what_it_risks() -> None:
    assert plan("uh what time is it um in tokyo") == Plan(
        tool="tell_time",
        agent="clock",
        arguments={"place": "Tokyo"},
        risk="read",
        idempotent=True,
        confidence=1.0,
        say="Let me look at the clock in Tokyo.",
    )


def test_words_that_no_phrase_explains_lower_the_confidence_until_nothing_is_left() -> None:
    sure, less = plan("what time is it in tokyo"), plan("what time is it in tokyo dear friend")
    assert 0 < less.confidence < sure.confidence == 1.0
    assert plan("what time is it in tokyo because i have to call my mother there").tool is None


@pytest.mark.parametrize(
    "said", ["do not tell me what time it is", "what time is it not", "never convert five feet to meters"]
)
def test_a_negation_is_never_ignored(said: str) -> None:
    assert plan(said).tool is None


@pytest.mark.parametrize("seam", ["", "um", "uh and", "and", "so", "well", "okay", "like"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("what time is it", "in tokyo"),
        ("what time is it in", "tokyo"),
        ("what is the time difference between", "london and tokyo"),
        ("when it is noon in london", "what time is it in tokyo"),
        ("convert ten kilometers", "to miles"),
        ("what is two hundred and five", "plus seven"),
        ("how many days until", "christmas"),
        ("hello", "what time is it"),
        ("great, thank you", "what is seven times eight"),
    ],
)
def test_a_wish_across_a_pause_is_planned_as_if_there_were_none(first: str, seam: str, second: str) -> None:
    whole, said = plan(f"{first} {second}"), plan(f"{first}, {seam} {second}")
    assert whole.tool
    assert (said.tool, said.arguments, said.missing) == (whole.tool, whole.arguments, [])


@pytest.mark.parametrize(
    "said",
    [
        "what time is it in tokyo and in london",
        "what time is it and how is the weather",
        "what time is it and not in tokyo",
        "what do you like and what time",
    ],
)
def test_what_else_follows_a_pause_is_never_left_out(said: str) -> None:
    assert plan(said).tool is None


@pytest.mark.parametrize("said", ["", "   ", "uh", "please", "two plus " * MAX_TOKENS + "two"])
def test_nothing_and_too_much_get_no_plan(said: str) -> None:
    assert plan(said).tool is None


def test_the_users_time_zone_travels_in_the_arguments() -> None:
    assert plan("what time is it", timezone="Asia/Tokyo").arguments == {"timezone": "Asia/Tokyo"}
    assert plan("what time is it", timezone="../../etc/passwd").arguments == {}


def test_what_is_missing_is_asked_for() -> None:
    asked = plan("convert ten kilometers")
    assert (asked.missing, asked.say) == (["to_unit"], "Convert it into which unit?")


@pytest.mark.parametrize("answer", ["miles", "into miles please", "uh i meant miles", "to miles"])
def test_the_next_utterance_answers_the_question(answer: str) -> None:
    made = plan(answer, pending=plan("convert ten kilometers").model_dump())
    assert (made.tool, made.missing) == ("convert_units", [])
    assert made.arguments == {"value": 10, "from_unit": "kilometer", "to_unit": "mile"}


def test_another_wish_is_not_taken_for_the_answer() -> None:
    pending = plan("convert ten kilometers").model_dump()
    assert plan("what time is it in tokyo", pending=pending).tool == "tell_time"
    assert plan("never mind", pending=pending).tool is None


def test_a_pending_plan_that_nobody_understands_is_ignored() -> None:
    for pending in (None, "convert", {"tool": 3}, {"tool": "gone", "missing": ["x"]}, {"tool": "calculate"}):
        assert plan("miles", pending=pending).tool is None


def test_an_unknown_place_is_asked_for_and_not_taken_for_here() -> None:
    asked = plan("what time is it in nowhereville")
    assert (asked.tool, asked.arguments, asked.missing) == ("tell_time", {}, ["place"])
    made = plan("near boston", pending=asked.model_dump())
    assert made.tool is None
    made = plan("in boston", pending=asked.model_dump())
    assert (made.arguments, made.missing) == ({"place": "Boston"}, [])
