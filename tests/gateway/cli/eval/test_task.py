"""Spoken tasks: what counts as right, and what a file of them may hold."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.cli.eval.task import OURS, BadTasks, Called, Task, is_right, load
from services.orchestrator.loader import load_agents
from services.orchestrator.patterns import PatternPlanner

NOW = datetime(2026, 7, 14, 15, 42, tzinfo=ZoneInfo("America/New_York"))


def task(**arguments: Any) -> Task:
    return Task.model_validate({"say": "remind me", "tool": "timers.set_reminder", "arguments": arguments})


def right(wanted: Task, *called: tuple[str, dict[str, Any]]) -> bool:
    return is_right(wanted, [Called(tool, arguments) for tool, arguments in called], NOW)


def test_right_is_that_tool_with_these_arguments_and_nothing_else() -> None:
    wanted = task(what="the oven", count=2)
    done = ("timers.set_reminder", {"what": "the oven", "count": 2})
    assert right(wanted, done)
    assert right(wanted, (done[0], done[1] | {"timezone": "Asia/Tokyo"}))
    assert not right(wanted)
    assert not right(wanted, done, done)
    assert not right(wanted, done, ("notes.take_note", {"text": "the oven"}))
    assert not right(wanted, ("timers.set_timer", done[1]))
    assert not right(wanted, (done[0], {"what": "the oven"}))
    assert not right(wanted, (done[0], done[1] | {"label": "oven"}))
    assert not right(wanted, (done[0], {"what": "the of", "count": 2}))


@pytest.mark.parametrize(
    ("wanted", "fitting", "others"),
    [
        (
            {"days": 1, "at": "09:00"},
            "2026-07-15T09:00:00-04:00",
            ["2026-07-15T21:00:00-04:00", "2026-07-14T09:00:00-04:00", "2026-07-15T09:00:00", 9, None],
        ),
        ({"after": "PT20M"}, "2026-07-14T16:03:00-04:00", ["2026-07-14T16:10:00-04:00", "soon"]),
        ({"next": "12-25"}, "2026-12-25", ["2025-12-25", "2027-12-25"]),
        ({"next": "07-14"}, "2027-07-14", ["2026-07-14"]),
        ({"last": "07-14"}, "2026-07-14", ["2025-07-14"]),
        ({"last": "12-25"}, "2025-12-25", ["2026-12-25"]),
    ],
)
def test_what_depends_on_the_day_is_worked_out(
    wanted: dict[str, Any], fitting: str, others: list[Any]
) -> None:
    assert right(task(when=wanted), ("timers.set_reminder", {"when": fitting}))
    for other in others:
        assert not right(task(when=wanted), ("timers.set_reminder", {"when": other}))


def test_ours_are_a_hundred_of_which_twenty_are_corrected_and_read_as_text_the_planner_knows_nearly_all() -> (
    None
):
    planner = PatternPlanner(load_agents())
    ours = load(OURS)
    assert len(ours) == 100
    assert sum(each.is_corrected for each in ours) == 20
    wrong = []
    for each in ours:
        text = each.say if isinstance(each.say, str) else " ".join(filter(_is_text, each.say))  # type: ignore[arg-type]
        plan = planner.plan(text, {}, NOW)
        if not right(each, (f"{plan.agent}.{plan.tool}", plan.arguments)):
            wrong.append(text)
    assert len(wrong) <= 5, wrong


def _is_text(part: object) -> bool:
    return isinstance(part, str)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("- {say: hello, tool: nothing}", "0.tool"),
        ("- {say: hello, tool: a.b, argument: {}}", "0.argument"),
        ("- {say: hello, tool: a.b, arguments: {when: {next: christmas}}}", "0.arguments.when"),
        ("[", "line 1"),
    ],
)
def test_a_file_that_holds_no_tasks_is_a_sentence(body: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(body)
    with pytest.raises(BadTasks, match=told):
        load(path)
