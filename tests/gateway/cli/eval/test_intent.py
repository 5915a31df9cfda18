"""`antiphon eval intent` on small files."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli.main import cli

LINES = [
    {"text": "turn on the lights in the kitchen", "label": "action"},
    {"text": "what's the weather like in paris tomorrow", "label": "action"},
    {"text": "hello how are you", "label": "chitchat"},
    {"text": "say that again please", "label": "control"},
    {"text": "what is the largest state in the us", "label": "oos"},
]
TOOLS = [
    {"name": "lights", "examples": ["turn on the lights", "switch the lamp off"]},
    {"name": "weather", "examples": ["what's the weather like", "will it rain tomorrow"]},
]


def written(folder: Path, name: str, rows: list[dict[str, Any]]) -> str:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["eval", "intent", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_json_is_one_line_with_every_share(tmp_path: Path) -> None:
    output = run(
        "--file", written(tmp_path, "x.jsonl", LINES), "--tools", written(tmp_path, "t", TOOLS), "--json"
    )
    assert output.count("\n") == 1
    told = json.loads(output)
    assert told["n"] == 5
    assert [told[name] for name in ("missed", "false_chitchat", "false_control", "false_oos")] == [0.0] * 4
    assert told["missed_ci95"] == pytest.approx([0.0, 0.6576], abs=1e-4)
    assert 0 < told["ms_p50"] <= told["ms_p99"]


def test_without_tools_nothing_is_told_of_what_is_out_of_scope(tmp_path: Path) -> None:
    told = json.loads(run("--file", written(tmp_path, "x.jsonl", LINES), "--json"))
    assert told["false_oos"] is None
    assert told["missed"] == 0.0


def test_a_table_stands_beside_a_verb_list_and_tf_idf(tmp_path: Path) -> None:
    output = run("--file", written(tmp_path, "x.jsonl", LINES))
    assert output.startswith("5 phrases")
    heads, first = output.splitlines()[2:4]
    assert heads.split() == ["trained", "verb", "list", "TF-IDF"]
    assert first.startswith("wishes missed  ")
    assert first.count("%") == 3


@pytest.mark.parametrize("content", [b"{}\n", b"\xff\n"])
def test_a_file_that_is_wrong_is_told_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    result = CliRunner().invoke(cli, ["eval", "intent", "--file", str(path)])
    assert result.exit_code == 1
    assert str(path) in result.output
    assert "Traceback" not in result.output
