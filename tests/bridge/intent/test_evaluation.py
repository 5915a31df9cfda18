"""What is counted of a classifier's decisions."""

import pytest

from bridge.events import Intent
from bridge.intent import Decision
from bridge.intent.evaluation import BadLine, Line, Share, evaluate, percentile, read_lines, read_tools


class Said:
    """Decides what the text's first word says."""

    def decide(self, text: str, last_agent: str) -> Decision:
        return Decision(Intent(text.split()[0]), 1.0, "said")


def has_tool(text: str) -> str | None:
    return "tool" if text.endswith("tool") else None


LINES = [
    Line("action tool", "action"),
    Line("action", "action"),
    Line("unclear", "action"),
    Line("chitchat", "action"),
    Line("chitchat", "chitchat"),
    Line("action", "chitchat"),
    Line("control", "control"),
    Line("action tool", "oos"),
    Line("action", "oos"),
    Line("chitchat tool", "oos"),
    Line("unclear", "oos"),
]


def test_each_share_counts_its_own_lines() -> None:
    report = evaluate(LINES, Said(), has_tool)
    assert report.n == 11
    assert report.missed == Share(2, 4)
    assert report.false_chitchat == Share(1, 2)
    assert report.false_control == Share(0, 1)
    assert report.unclear == Share(2, 11)
    assert report.untooled == Share(1, 2)


def test_out_of_scope_is_false_with_a_wish_and_a_tool_alone() -> None:
    assert evaluate(LINES, Said(), has_tool).false_oos == Share(1, 4)


def test_without_tools_nothing_is_told_of_them() -> None:
    told = evaluate(LINES, Said()).as_json()
    assert told["false_oos"] is told["false_oos_ci95"] is told["untooled"] is None
    assert told["missed"] == 0.5


def test_where_there_is_nothing_to_count_there_is_no_share() -> None:
    told = evaluate([], Said(), has_tool).as_json()
    assert told.pop("n") == 0
    assert set(told.values()) == {None}


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (1, 10, 0.0179, 0.4042), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_the_interval_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    """Values of Brown, Cai and DasGupta's formula (2001), rounded."""
    assert Share(hits, of).interval == pytest.approx((low, high), abs=1e-4)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (50.0, 99.0, 7.0)


def test_lines_are_read_and_empty_ones_passed_over() -> None:
    assert read_lines(['{"text": "hello", "label": "chitchat"}', ""]) == [Line("hello", "chitchat")]


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"text": 1, "label": "oos"}', '{"text": "a", "label": "approval"}', "{}"]
)
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(BadLine, match="line 2"):
        read_lines(['{"text": "a", "label": "oos"}', line])


def test_examples_of_a_tool_add_up_over_its_lines() -> None:
    lines = ['{"name": "a", "examples": ["x"]}', '{"name": "a", "examples": ["y"]}']
    assert read_tools(lines) == {"a": ["x", "y"]}


@pytest.mark.parametrize(
    "line", ['{"name": "a"}', '{"name": 1, "examples": []}', '{"name": "a", "examples": [1]}']
)
def test_a_tool_that_is_none_is_named(line: str) -> None:
    with pytest.raises(BadLine, match="line 1"):
        read_tools([line])
