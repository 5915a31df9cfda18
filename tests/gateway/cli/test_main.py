"""The command's outside."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from gateway.cli.main import COMMANDS, cli


def antiphon(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a fresh home, away from the checkout."""
    own = {"HOME": str(home), "ANTIPHON_HOME": str(home / "antiphon"), "PYTHONPATH": os.getcwd()}
    return subprocess.run(
        [sys.executable, "-P", "-m", "gateway.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        cwd=home,
        env={**os.environ, **own, **environ},
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_in_the_table_is_there_and_explains_itself(name: str) -> None:
    assert find_spec(COMMANDS[name][0])
    with click.Context(cli) as context:
        command = cli.get_command(context, name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_help_names_every_command_and_loads_none(tmp_path: Path) -> None:
    told = antiphon(tmp_path, "--help", PYTHONPROFILEIMPORTTIME="1")
    assert told.returncode == 0
    assert all(name in told.stdout for name in COMMANDS)
    assert "aiohttp" not in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_runs_without_a_gpu_loads_nothing_of_the_duplex_model() -> None:
    # Not through others' packages either: some import torch where there is one, as there is here.
    code = """
import sys
import gateway.cli.up, gateway.server
import services.orchestrator.server, services.synthesizer.server
import services.transcriber.server, services.transcriber.worker
print({"torch", "safetensors", "sentencepiece", "huggingface_hub", "pyloudnorm"} & sys.modules.keys())
"""
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "set()"


def test_an_unknown_command_is_told(tmp_path: Path) -> None:
    told = antiphon(tmp_path, "sing")
    assert told.returncode == 2
    assert "No such command 'sing'" in told.stderr


def test_a_bad_setting_is_one_sentence_that_names_it(tmp_path: Path) -> None:
    told = antiphon(tmp_path, "up", GATEWAY_PORT="soon")
    assert told.returncode == 1
    assert told.stderr.startswith("antiphon: A setting cannot be used: GATEWAY_PORT")
    assert "Traceback" not in told.stderr


def test_a_query_that_fails_is_the_exit_status(tmp_path: Path) -> None:
    told = antiphon(tmp_path, "sql", "SELECT nonsense")
    assert told.returncode != 0
    assert "nonsense" in told.stderr


def test_migrate_makes_the_tables_in_a_fresh_home(tmp_path: Path) -> None:
    told = antiphon(tmp_path, "migrate")
    assert told.returncode == 0, told.stderr
    assert "is up to date" in told.stdout
    asked = antiphon(tmp_path, "sql", "SELECT count(*) AS sessions FROM voice_sessions")
    assert asked.returncode == 0, asked.stderr
    assert "sessions" in asked.stdout


def test_where_no_psql_is_a_query_is_answered_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("gateway.cli.sql.psql", lambda: None)
    monkeypatch.setenv("ANTIPHON_HOME", str(tmp_path))
    with pytest.raises(SystemExit, match="0"):
        cli.main(["sql", "SELECT 1 AS one, NULL AS nothing"])
    assert capfd.readouterr().out == "one|nothing\n1|\n(1 row)\n"
