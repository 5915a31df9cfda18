"""Agents from YAML: what is wrong is said with file, field and expectation."""

from pathlib import Path

import pytest

from services.orchestrator.loader import BadAgents, load_agents

GOOD = """
agent: baker
description: Bakes.
words: {now: "[now]"}
tools:
  - name: calculate
    description: Calculates.
    run: services.orchestrator.tools.calculator:calculate
    risk: read
    idempotent: true
    timeout_s: 5
    parameters:
      - {name: expression, type: expression, required: true, ask: "What?"}
    say: ["Let me work out {expression}."]
    phrases: |
      work out {expression} <now>
    examples: [work out two plus two]
"""


def load(folder: Path, text: str) -> None:
    (folder / "baker.yaml").write_text(text, encoding="utf-8")
    load_agents(folder)


def test_a_good_file_becomes_an_agent(tmp_path: Path) -> None:
    (tmp_path / "baker.yaml").write_text(GOOD, encoding="utf-8")
    catalog = load_agents(tmp_path)
    tool = catalog.tool("calculate")
    assert [agent.name for agent in catalog.agents] == ["baker"]
    assert tool is not None
    assert (tool.agent, tool.cancellable, tool.extras) == ("baker", True, frozenset())


@pytest.mark.parametrize(
    ("found", "put", "complaint"),
    [
        ("agent: baker", "agent: The Baker", "agent: String should match"),
        ("description: Bakes.", "", "description: Field required"),
        ("risk: read", "risk: high", r"tools\[0\].risk: Input should be 'read', 'write' or 'dangerous'"),
        ("timeout_s: 5", "timeout_s: 0", r"tools\[0\].timeout_s: Input should be greater than 0"),
        ("idempotent: true", "idempotent: true\n    retries: 3", r"tools\[0\].retries: Extra inputs"),
        (
            "type: expression",
            "type: maths",
            r"tools\[0\].parameters\[0\].type: expected one of place, number",
        ),
        (', ask: "What?"', "", r"tools\[0\].parameters\[0\].ask: expected a question"),
        (
            "work out {expression} <now>",
            "work out {sum}",
            r"tools\[0\].phrases: .* expected slots out of expression",
        ),
        ("work out {expression} <now>", "work [out", r"tools\[0\].phrases: `\[` is not closed"),
        ("<now>", "<then>", r"tools\[0\].phrases: `<then>` is not defined"),
        (
            "Let me work out {expression}.",
            "Let me {do}.",
            r"tools\[0\].say\[0\]: expected slots out of expression",
        ),
        ("Let me work out {expression}.", "Let me {.", r"tools\[0\].say\[0\]: expected '}'"),
        ("[work out two plus two]", "[]", r"tools\[0\].examples: List should have at least 1"),
        (
            "calculator:calculate",
            "calculator:convert_units",
            r"tools\[0\].run: expected a function of expression; it",
        ),
        (
            "calculator:calculate",
            "calculator:missing",
            r"tools\[0\].run: expected a function that can be imported",
        ),
        ("calculator:calculate", "calculator:warm_up", r"tools\[0\].run: expected an `async def`"),
        ("services.orchestrator.tools.calculator:calculate", "os:system", r"tools\[0\].run: .*TOOL_PACKAGES"),
        ("services.orchestrator.tools.", "services.orchestrator.tools_of_mine.", r"run: .*TOOL_PACKAGES"),
        ("tools:", "tools: [", "expected YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, found: str, put: str, complaint: str) -> None:
    assert found in GOOD
    text = GOOD.replace(found, put)
    with pytest.raises(BadAgents, match=rf"baker\.yaml: .*{complaint}"):
        load(tmp_path, text)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "baker.yaml").write_bytes(b"agent: \xff")
    with pytest.raises(BadAgents, match=r"baker\.yaml: expected UTF-8"):
        load_agents(tmp_path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadAgents, match="expected at least one"):
        load_agents(tmp_path)


def test_two_tools_of_one_name_are_named_with_both_files(tmp_path: Path) -> None:
    (tmp_path / "another.yaml").write_text(GOOD.replace("agent: baker", "agent: chef"), encoding="utf-8")
    with pytest.raises(BadAgents, match=r"baker\.yaml: tool `calculate`: .* another\.yaml has it too"):
        load(tmp_path, GOOD)
