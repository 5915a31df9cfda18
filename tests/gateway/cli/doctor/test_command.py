"""`antiphon doctor` as a command."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.doctor import machine, speech
from gateway.cli.doctor.command import doctor
from gateway.cli.ports import free_port


@pytest.fixture(autouse=True)
def _somewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTIPHON_HOME", str(tmp_path))
    monkeypatch.setenv("GATEWAY_PORT", str(free_port()))
    # Importing torch takes seconds; test_speech.py does it once.
    monkeypatch.setattr(speech, "CHECK", ("echo", '{"findings": [{"verdict": "bad", "what": "no GPU"}]}'))


def test_this_machine_can_run_antiphon() -> None:
    done = CliRunner().invoke(doctor)
    assert done.exit_code == 0, done.output
    assert f"✓ Python 3.{sys.version_info.minor}" in done.output
    assert "✓ embedded Postgres: postgres (PostgreSQL) 18" in done.output
    assert "· duplex model: no GPU" in done.output
    assert "✗" not in done.output


def test_what_keeps_it_from_running_is_the_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "DISK_NEEDED", 2**60)
    done = CliRunner().invoke(doctor)
    assert done.exit_code == 1
    assert "✗" in done.output


def test_programs_get_the_same_as_json() -> None:
    done = CliRunner().invoke(doctor, ["--json"])
    body = json.loads(done.output)
    assert body["works"]
    assert {finding["verdict"] for finding in body["findings"]} <= {"good", "note"}
    assert any(finding["what"].startswith("Python 3.") for finding in body["findings"])
