"""Which tool a wish asks for, or none."""

import pytest

from bridge.intent.tools import ToolChooser

CATALOGUE = {
    "lights": ["turn on the lights", "switch the lamp off", "make it brighter in here", "lights off please"],
    "timer": [
        "set a timer for ten minutes",
        "wake me in half an hour",
        "start a countdown",
        "timer five minutes",
    ],
    "weather": [
        "what's the weather like",
        "will it rain tomorrow",
        "how cold is it outside",
        "weather in paris",
    ],
}


@pytest.fixture(scope="module")
def chooser() -> ToolChooser:
    return ToolChooser(CATALOGUE)


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("Please turn the lamp on.", "lights"),
        ("set a a timer for uh three minutes", "timer"),
        ("is it going to rain on friday", "weather"),
    ],
)
def test_a_wish_gets_its_tool_however_it_is_said(chooser: ToolChooser, text: str, tool: str) -> None:
    assert chooser.choose(text) == tool


@pytest.mark.parametrize(
    "text", ["who won the siege of leningrad", "transfer money to my savings account", "", "?!"]
)
def test_what_no_tool_is_for_gets_none(chooser: ToolChooser, text: str) -> None:
    assert chooser.choose(text) is None


def test_without_tools_there_is_none() -> None:
    assert ToolChooser({}).choose("turn on the lights") is None


def test_a_tool_without_examples_is_never_chosen() -> None:
    assert ToolChooser({"mute": [], **CATALOGUE}).choose("turn on the lights") == "lights"


def test_a_tool_for_what_usually_belongs_to_none_is_chosen_all_the_same() -> None:
    history = ToolChooser(
        {"history": ["how long was the siege of leningrad", "when did the war begin"], **CATALOGUE}
    )
    assert history.choose("how long was the siege of leningrad") == "history"
