"""What the doctor finds, in words one can act on."""

import asyncio
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import doctor
from gateway.cli.deployment import UpSettings
from gateway.cli.home import Home
from gateway.cli.ports import free_port


def settings(**given: object) -> UpSettings:
    ports = {name: free_port() for name in ("orchestrator_port", "synthesizer_port", "transcriber_port")}
    return UpSettings.model_validate({"gateway_port": free_port(), **ports, **given})


def test_this_machine_can_run_antiphon(tmp_path: Path) -> None:
    findings = list(doctor.examine(Home(tmp_path), settings()))
    assert [finding for finding in findings if finding.verdict == "bad"] == []
    assert "embedded Postgres: postgres (PostgreSQL) 18" in " ".join(finding.what for finding in findings)


def test_a_wrong_python_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert doctor.python().verdict == "bad"


async def test_taken_ports_are_told_apart(tmp_path: Path) -> None:
    foreign = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with foreign:
        taken = foreign.sockets[0].getsockname()[1]
        home = Home(tmp_path)
        gateway = list(doctor.ports(home, settings(gateway_port=taken)))
        inner = list(doctor.ports(home, settings(transcriber_port=taken)))
    assert [finding.verdict for finding in gateway] == ["bad"]
    assert [finding.verdict for finding in inner] == ["good", "note"]
    assert inner[1].advice == "the transcriber will take another"


async def test_a_database_of_the_users_own_is_entered(empty_database_url: str) -> None:
    found = await doctor.foreign_database(empty_database_url)
    assert found.verdict == "good"
    assert "Postgres 18" in found.what


async def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    found = await doctor.foreign_database(f"postgresql://me:secret@127.0.0.1:{free_port()}/mine")
    assert found.verdict == "bad"
    assert "me@127.0.0.1" in found.what
    assert "secret" not in found.what


def test_a_full_disk_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK_NEEDED", 2**60)
    found = doctor.disk(Home(tmp_path / "not" / "there" / "yet"))
    assert found.verdict == "bad"
    assert "ANTIPHON_HOME" in found.advice


def test_beyond_this_machine_the_microphone_needs_tls() -> None:
    assert doctor.microphone(settings(gateway_host="192.0.2.1")).verdict == "note"
    local = doctor.microphone(settings(gateway_port=8123))
    assert local.verdict == "good"
    assert "ssh -L 8123:localhost:8123" in local.advice


def test_the_command_prints_a_line_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTIPHON_HOME", str(tmp_path))
    monkeypatch.setenv("GATEWAY_PORT", str(free_port()))
    done = CliRunner().invoke(doctor.doctor)
    assert done.exit_code == 0, done.output
    assert f"✓ Python 3.{sys.version_info.minor}" in done.output
