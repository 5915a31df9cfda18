"""What the doctor finds of the machine itself."""

import sys
from pathlib import Path

import pytest

from gateway.cli.doctor import machine
from gateway.cli.home import Home
from services.base.findings import Finding


def test_a_wrong_python_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert machine.python().verdict == "bad"


def test_a_full_disk_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "DISK_NEEDED", 2**60)
    found = machine.disk(Home(tmp_path / "not" / "there" / "yet"))
    assert found.verdict == "bad"
    assert "ANTIPHON_HOME" in found.advice


def test_a_home_below_a_file_is_bad(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = machine.disk(Home(tmp_path / "file"))
    assert (found.verdict, found.what) == ("bad", f"{tmp_path}/file can't be written")


def test_more_calls_than_the_cores_bear_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert machine.cores() == Finding("good", "2 cores: up to 16 calls at once")
    monkeypatch.setenv("GATEWAY_MAX_SESSIONS", "17")
    assert "GATEWAY_MAX_SESSIONS is 17" in machine.cores().advice


@pytest.fixture
def nvidia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the only program there is."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "nvidia-smi"


@pytest.mark.parametrize(
    ("says", "verdict", "words"),
    [
        ("echo NVIDIA H200, 143771", "good", "NVIDIA H200, 140.4 GiB: the weights of a duplex model fit"),
        ("echo Small, 4096; echo Large, 24576", "good", "Large, 24.0 GiB"),
        ("echo NVIDIA T400, 4096", "note", "too small for a duplex model"),
        ("exit 9", "note", "nvidia-smi does not run"),
        ("echo no devices were found", "note", "nvidia-smi does not run"),
        (":", "note", "finds no GPU"),
    ],
)
def test_a_gpu_is_told_with_what_it_would_allow(nvidia: Path, says: str, verdict: str, words: str) -> None:
    nvidia.write_text(f"#!/bin/sh\n{says}\n")
    nvidia.chmod(0o755)
    found = machine.gpu()
    assert found.verdict == verdict
    assert words in found.what


@pytest.mark.usefixtures("nvidia")
def test_without_a_gpu_nothing_is_missing() -> None:
    found = machine.gpu()
    assert (found.verdict, found.advice) == ("note", "none is needed for that")
