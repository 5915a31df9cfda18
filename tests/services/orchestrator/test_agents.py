"""The agents that come along: every example in their YAML is planned as its own tool."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from services.orchestrator.catalog import Tool
from services.orchestrator.loader import load_agents
from services.orchestrator.patterns import PatternPlanner

NOW = datetime(2026, 7, 14, 15, 42, tzinfo=ZoneInfo("America/New_York"))
CATALOG = load_agents()


@pytest.mark.parametrize("tool", CATALOG.tools, ids=lambda tool: tool.name)
def test_every_example_leads_to_its_tool_with_nothing_missing(tool: Tool) -> None:
    planner = PatternPlanner(CATALOG)
    plans = {example: planner.plan(example, {}, NOW) for example in tool.examples}
    assert {e: (p.tool, p.missing) for e, p in plans.items()} == {e: (tool.name, []) for e in tool.examples}


def test_every_tool_has_ten_examples_to_feed_recogniser_and_classifier() -> None:
    assert {tool.name: len(tool.examples) for tool in CATALOG.tools if len(tool.examples) < 10} == {}


def test_examples_are_written_as_a_recogniser_hears_them() -> None:
    for tool in CATALOG.tools:
        for example in tool.examples:
            assert example.replace("'", "").replace(" ", "").isalpha(), example
            assert example == example.lower()
