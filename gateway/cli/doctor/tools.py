"""Programs that building, testing and containers need, and calling does not."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from gateway.cli.doctor.finding import ASK_S
from gateway.cli.home import CHECKOUT
from services.base.findings import Finding

NODE_NEEDED = (20, 19)
COMPOSE = "docker-compose.voice.yml"


def examine(checkout: Path = CHECKOUT) -> Iterator[Finding]:
    # Whoever installed the wheel builds and tests nothing.
    if (checkout / "pyproject.toml").exists():
        yield node()
        yield chromium()
        yield compose(checkout)


def node() -> Finding:
    """Node builds the page; whoever has a built page needs none."""
    beside = Path(sys.executable).with_name("node")
    program = str(beside) if beside.exists() else shutil.which("node")
    advice = "only needed to build the page; `make run` brings one along"
    if program is None:
        return Finding("note", "no Node", advice)
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, timeout=ASK_S
        )
        version = tuple(int(number) for number in said.stdout.strip().lstrip("v").split("."))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Finding("note", f"Node does not run: {error}", advice)
    what = f"Node {'.'.join(map(str, version))}"
    return Finding("good", what) if version >= NODE_NEEDED else Finding("note", f"{what} is too old", advice)


def chromium() -> Finding:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return Finding("good", f"{path} (for the tests in a browser)")
    return Finding("note", "no Chromium", "only needed by `make test`, which fetches one")


def compose(checkout: Path) -> Finding:
    """Whether the parts could run in containers."""
    if not (checkout / COMPOSE).exists():
        return Finding(
            "note", f"{COMPOSE} is not here", "only needed for containers; it belongs to the checkout"
        )
    program = shutil.which("docker")
    advice = "only needed for containers: docs/deployment.md"
    if program is None:
        return Finding("note", f"{COMPOSE} is here, Docker is not", advice)
    try:
        subprocess.run([program, "compose", "version"], capture_output=True, check=True, timeout=ASK_S)
        subprocess.run([program, "info"], capture_output=True, check=True, timeout=ASK_S)
    except (OSError, subprocess.SubprocessError):
        return Finding("note", f"{COMPOSE} is here, Docker Compose does not run", advice)
    return Finding("good", f"{COMPOSE}, and Docker Compose to run it")
