"""What corrects the wish before is planned as a whole wish; what is another wish, or none, stands by itself."""

from datetime import UTC, datetime

import pytest

from services.orchestrator.loader import OWN_TOOLS
from services.orchestrator.patterns import PatternPlanner
from services.orchestrator.sources import PACKAGED, Sources, gather

SATURDAY = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def planner() -> PatternPlanner:
    return PatternPlanner(gather(Sources([PACKAGED], None, [OWN_TOOLS])))


def context(planner: PatternPlanner, message: str) -> dict[str, object]:
    plan = planner.plan(message, {}, SATURDAY)
    return {"earlier": {"message": message, "tool": plan.tool, "arguments": plan.arguments}}


@pytest.mark.parametrize(
    ("before", "said", "changed"),
    [
        ("set a timer for five minutes", "no, ten minutes", {"duration": "PT10M"}),
        ("set a timer for five minutes", "I meant ten minutes.", {"duration": "PT10M"}),
        ("set a timer for five minutes", "make that 6", {"duration": "PT6M"}),
        ("set a timer for five minutes", "sorry, an hour", {"duration": "PT1H"}),
        ("set a pasta timer for ten minutes", "actually twelve minutes", {"duration": "PT12M"}),
        (
            "remind me on monday at nine to call my mother",
            "no, Tuesday",
            {"when": "2026-11-24T09:00:00+00:00"},
        ),
        (
            "remind me to call my mother on monday at three",
            "no, on tuesday",
            {"when": "2026-11-24T15:00:00+00:00"},
        ),
        ("remind me on monday to water the plants", "i meant at noon", None),
        ("what time is it in tokyo", "no, in osaka", {"place": "Osaka"}),
    ],
)
def test_a_correction_changes_what_it_names_and_keeps_the_rest(
    planner: PatternPlanner, before: str, said: str, changed: dict[str, str] | None
) -> None:
    earlier = planner.plan(before, {}, SATURDAY)
    plan = planner.plan(said, context(planner, before), SATURDAY)
    if changed is None:
        assert not plan.amends or plan.arguments["what"] == earlier.arguments["what"]
        return
    assert (plan.tool, plan.amends) == (earlier.tool, True)
    assert plan.arguments == earlier.arguments | changed


@pytest.mark.parametrize(
    "said",
    [
        "ten minutes",
        "no",
        "no, thank you",
        "i meant well",
        "no, five minutes",
        "actually what time is it in tokyo",
        "set a timer for ten minutes",
    ],
)
def test_what_is_no_correction_amends_nothing(planner: PatternPlanner, said: str) -> None:
    assert not planner.plan(said, context(planner, "set a timer for five minutes"), SATURDAY).amends


@pytest.mark.parametrize(
    "earlier", [None, "x", {"message": 5}, {"message": "x", "tool": "no_tool", "arguments": {}}]
)
def test_a_wish_before_that_cannot_be_understood_is_none(planner: PatternPlanner, earlier: object) -> None:
    assert planner.plan("no, ten minutes", {"earlier": earlier}, SATURDAY).tool is None
