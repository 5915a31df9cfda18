"""Scenarios are read strictly, and what is wrong with one is said where it stands."""

from pathlib import Path

import pytest

from gateway.cli.bench.performing import cast, show
from gateway.cli.bench.scenario import BadScenario, FigureBar, Hum, Say, Scenario, ShareBar, load, ours

GOOD = """
title: A question
lines: [what time is it, {hum: 400}, [remind me in, 1.2, ten minutes]]
expect: {answered: true}
bars:
  - {title: answer, figure: turn_ms, median: 1000}
  - {title: answered, share: answered, at_least: 0.9}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_a_scenario_is_its_file_and_says_its_line_where_no_script_says_more(tmp_path: Path) -> None:
    scenario = load(written(tmp_path, GOOD))
    assert scenario.name == "mine"
    assert scenario.lines == ("what time is it", Hum(hum=400), ["remind me in", 1.2, "ten minutes"])
    assert scenario.script == (Say(user="$line"),)


def test_ours_can_all_be_read() -> None:
    scenarios = ours()
    assert scenarios
    assert all(scenario.bars for scenario in scenarios)


def test_who_times_the_acknowledgement_of_a_tool_tells_how_often_it_ran() -> None:
    """Turns without a tool have no such time: good figures could else come of few turns."""
    for scenario in ours():
        if any(isinstance(bar, FigureBar) and bar.figure == "acknowledged_ms" for bar in scenario.bars):
            assert "tool" in [bar.share for bar in scenario.bars if isinstance(bar, ShareBar)], scenario.name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: [", "line 1"),
        ("just words", "mine.yaml: "),
        ("", "mine.yaml: "),
        (GOOD.replace("answered: true", "anwered: true"), "expect.anwered: Extra inputs"),
        (GOOD.replace("{hum: 400}", "{hum: 40000}"), "lines.1"),
        (GOOD.replace("lines: [", "lines: [{wav: nobody.wav}, "), "there is no file"),
        (GOOD.replace("share: answered", "share: answerd"), "no expectation is called answerd"),
        (GOOD.replace("share: answered", "share: one_turn"), "`expect` does not name"),
        (GOOD + "script: [{user: $line, after_ms: 1, into_agent_ms: 2}]", "only one of"),
        (GOOD + "room: {noise: {kind: brown, snr_db: 10}}", "room.noise.kind"),
    ],
)
def test_what_is_wrong_is_named_with_its_file_and_place(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadScenario) as refused:
        load(path)
    assert str(path) in str(refused.value)
    assert told in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadScenario, match=r"nothing\.yaml"):
        load(tmp_path / "nothing.yaml")


def test_a_recording_lies_beside_its_scenario(tmp_path: Path) -> None:
    (tmp_path / "hello.wav").touch()
    scenario = load(written(tmp_path, GOOD.replace("lines: [", "lines: [{wav: hello.wav}, ")))
    assert show(scenario.lines[0]) == "(hello.wav)"


def test_each_round_gives_a_line_to_another_voice() -> None:
    scenario = Scenario.model_validate({"title": "t", "lines": ["a", "b", "c"], "expect": {}})
    assert cast(scenario, ("tom", "eve"), 2) == [
        ("tom", ["a", "c"]),
        ("eve", ["b"]),
        ("tom", ["b"]),
        ("eve", ["a", "c"]),
    ]
