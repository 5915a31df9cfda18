"""What many trials come to, and whether a bar was met."""

from math import inf

import pytest

from gateway.cli.bench.performing import Trial
from gateway.cli.bench.reading import Reading
from gateway.cli.bench.scenario import Scenario
from gateway.cli.bench.summary import Row, percentile, rows, table

SCENARIO = Scenario.model_validate(
    {
        "name": "chat",
        "title": "Chat",
        "lines": ["hello"],
        "expect": {"answered": True},
        "bars": [
            {"title": "answer", "figure": "turn_ms", "median": 1000, "p95": 1600},
            {"title": "answered", "share": "answered", "at_least": 0.9},
        ],
    }
)


def trials(*times: float | None, lost: str = "") -> list[Trial]:
    return [
        Trial("chat", "tom", "hello", Reading(turn_ms=time), {"answered": time != inf}, "id", 0.5, lost)
        for time in times
    ]


@pytest.mark.parametrize(("share", "wanted"), [(0.5, 10.0), (0.95, 19.0), (1.0, 20.0), (0.0, 1.0)])
def test_a_percentile_is_a_value_that_occurred(share: float, wanted: float) -> None:
    assert percentile([float(value) for value in range(20, 0, -1)], share) == wanted


def test_bars_are_met_or_not() -> None:
    fast, slow = trials(*[500.0] * 20), trials(*[500.0] * 18, 1700.0, 1700.0)
    assert [row.met for row in rows(SCENARIO, fast)] == [True, True]
    assert [row.met for row in rows(SCENARIO, slow)] == [False, True]


def test_an_answer_that_never_came_is_the_slowest() -> None:
    figure, share = rows(SCENARIO, trials(500.0, inf))
    assert figure == Row("answer", "median 500 ms, p95 never", 2, "median 1000 ms, p95 1600 ms", False)
    assert share == Row("answered", "1 of 2", 2, "at least 90%", False)


def test_a_trial_that_was_lost_is_none_that_went_well() -> None:
    lost = [Trial("chat", "tom", "hello", Reading(), {}, "id", 0.5, "the call broke")]
    figure, share = rows(SCENARIO, lost)
    assert (figure.n, figure.met, share.met) == (1, False, False)


def test_what_does_not_apply_to_a_trial_is_left_out() -> None:
    assert rows(SCENARIO, trials(500.0, None))[0].n == 1


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert [row.met for row in rows(SCENARIO, [])] == [None, None]


def test_the_table_says_it_all() -> None:
    told = table(rows(SCENARIO, trials(500.0)))
    assert [" ".join(line.split()) for line in told.splitlines()] == [
        "measured n bar met",
        "answer median 500 ms, p95 500 ms 1 median 1000 ms, p95 1600 ms yes",
        "answered 1 of 1 1 at least 90% yes",
    ]
