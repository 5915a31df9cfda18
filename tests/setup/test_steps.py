"""What `make` says where a machine lacks something."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / ".ci" / "setup"
UV = Path(sys.executable).with_name("uv")


def step(*command: str | Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        (SETUP / "step", "packages", *command),
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, **environ},
        check=False,
    )


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The address of a package index at which nobody listens, and nobody else will."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{kept.getsockname()[1]}/simple"


def test_what_works_is_one_line() -> None:
    done = step("echo", "many words")
    assert done.returncode == 0
    assert "✓ packages" in done.stdout
    assert "many words" not in done.stdout


def test_what_fails_shows_what_it_said_and_keeps_its_status() -> None:
    done = step("sh", "-c", "echo 'Statement is unreachable'; exit 7")
    assert done.returncode == 7
    assert done.stdout.splitlines()[1:] == [
        "Statement is unreachable",
        "✗ packages failed after 0 s: sh -c echo 'Statement is unreachable'; exit 7",
    ]


def test_pip_without_a_network_is_told_what_to_do(nowhere: str) -> None:
    command = (
        sys.executable,
        "-m",
        "pip",
        "install",
        "--retries",
        "1",
        "--target",
        "/nowhere",
        "antiphon-none",
    )
    done = step(*command, PIP_INDEX_URL=nowhere)
    assert done.returncode != 0
    assert "is there a way to the internet?" in done.stdout.splitlines()[-1]


def test_uv_without_a_network_is_told_what_to_do(nowhere: str, tmp_path: Path) -> None:
    must = subprocess.run((UV, "venv", "--quiet", tmp_path / "venv"), check=False)
    assert must.returncode == 0
    command = (UV, "pip", "install", "--no-cache", "--python", tmp_path / "venv", "antiphon-none")
    done = step(*command, UV_INDEX_URL=nowhere, UV_DEFAULT_INDEX=nowhere, UV_HTTP_RETRIES="0")
    assert done.returncode != 0
    assert "is there a way to the internet?" in done.stdout.splitlines()[-1]


def test_a_full_disk_is_told() -> None:
    done = step("cp", "/proc/version", "/dev/full")
    assert done.returncode != 0
    assert "The disk is full" in done.stdout.splitlines()[-1]


def test_a_machine_without_a_fitting_python_is_told_how_to_get_one(tmp_path: Path) -> None:
    # A copy: the script makes .venv anew in the folder that it lies in.
    shutil.copytree(SETUP, tmp_path / ".ci" / "setup")
    done = subprocess.run(
        (tmp_path / ".ci" / "setup" / "make-venv",),
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "PYTHON": "python-that-is-not-there"},
        check=False,
    )
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13, and none runs here" in done.stderr
    assert "apt-get install python3" in done.stderr
