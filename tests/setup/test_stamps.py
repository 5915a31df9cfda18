"""What `make` sets up anew, and what it leaves: the real Makefile, over scripts that only say that they ran."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKE_VENV = """#!/bin/sh
mkdir -p .venv/bin
printf '%s\\n' '#!/bin/sh' 'for last; do :; done' 'echo "$2 $last" >> said' > .venv/bin/uv
chmod +x .venv/bin/uv
"""
TORCH = "#!/bin/sh\necho torch >> said\n"

SYNC_BASE, SYNC_DEV, US = "sync requirements.lock", "sync requirements-dev.lock", "install ."


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile and files of the names that it asks for."""
    setup = tmp_path / ".ci" / "setup"
    setup.mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / ".ci" / "setup" / "step", setup)
    for name, text in (("make-venv", MAKE_VENV), ("torch", TORCH)):
        (setup / name).write_text(text)
        (setup / name).chmod(0o755)
    (setup / "uv.lock").touch()
    (tmp_path / "web").mkdir()
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        (tmp_path / name).touch()
    return tmp_path


def for_run(checkout: Path) -> list[str]:
    """What `make run` does to the Python environment."""
    return made(checkout, "base")


def for_test(checkout: Path) -> list[str]:
    """What `make test` and `make check` do to it."""
    return made(checkout, "dev", "torch")


def made(checkout: Path, *stamps: str) -> list[str]:
    said = checkout / "said"
    said.write_text("")
    targets = [f".venv/.done/{stamp}" for stamp in stamps]
    # What the `make` around these tests was told is not for this one.
    environ = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    done = subprocess.run(
        ("make", *targets),
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=100,
        env=environ,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return said.read_text().splitlines()


def change(checkout: Path, name: str) -> None:
    """Make a file newer than all stamps; a file system's clock may stand still for milliseconds."""
    file = checkout / name
    newest = max(stamp.stat().st_mtime_ns for stamp in (checkout / ".venv" / ".done").iterdir())
    while file.stat().st_mtime_ns <= newest:
        file.touch()


def test_tests_bring_torch_once(checkout: Path) -> None:
    assert for_test(checkout) == [SYNC_DEV, US, "torch"]
    assert for_test(checkout) == []


def test_what_runs_goes_without_torch(checkout: Path) -> None:
    assert for_run(checkout) == [SYNC_BASE, US]
    assert for_test(checkout) == [SYNC_DEV, US, "torch"]
    assert for_run(checkout) == []


def test_torch_comes_back_when_a_sync_took_it_away(checkout: Path) -> None:
    for_test(checkout)
    change(checkout, "requirements.lock")
    assert for_run(checkout) == [SYNC_BASE, US]
    assert for_test(checkout) == [SYNC_DEV, US, "torch"]
    change(checkout, "requirements-dev.lock")
    assert for_test(checkout) == [SYNC_DEV, US, "torch"]


def test_a_setting_in_pyproject_takes_no_package_away(checkout: Path) -> None:
    for_test(checkout)
    change(checkout, "pyproject.toml")
    assert for_test(checkout) == [US]
    assert for_run(checkout) == []


def test_an_environment_made_anew_gets_everything(checkout: Path) -> None:
    for_test(checkout)
    change(checkout, ".ci/setup/make-venv")
    assert for_test(checkout) == [SYNC_DEV, US, "torch"]
