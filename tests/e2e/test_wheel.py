"""The wheel: what is in it, and that it runs where nothing but it and the packages of the lock is."""

import re
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import aiohttp
import pytest

from gateway.cli.caller import Caller
from tests.e2e.deployment import Deployment

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "bridge", "personas", "migrations", "services")
UV = Path(sys.executable).with_name("uv")
LIMIT_S = 240
"""uv takes the packages from its cache; where that is empty it fetches them."""


def run(*command: str | Path, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def must(*command: str | Path) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `make dist` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    must(".ci/setup/wheel", folder)
    [wheel] = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """Of the files in it."""
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        [name] = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def test_every_file_of_our_packages_is_in_it(names: set[str]) -> None:
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    assert {"personas/myca.yaml", "gateway/py.typed", "migrations/script.py.mako"} <= ours
    assert ours - names == set()


def test_it_carries_the_page_and_what_that_asks_for(wheel: Path, names: set[str]) -> None:
    built = ROOT / "web" / "dist"
    page = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    assert {f"gateway/page/{name}" for name in page} <= names
    with ZipFile(wheel) as archive:
        index = archive.read("gateway/page/index.html").decode()
    assets = set(re.findall(r'(?:src|href)="/(assets/[^"]+)"', index))
    assert assets
    assert {f"gateway/page/{name}" for name in assets} <= names


def test_nothing_else_is_in_it(names: set[str]) -> None:
    assert {name.partition("/")[0] for name in names} == {*PACKAGES, "antiphon-0.1.0.dist-info"}
    assert not [name for name in names if name.endswith(".pyc") or "/tests/" in name]


def test_it_says_what_it_is(metadata: Message, names: set[str]) -> None:
    assert metadata["Name"] == "antiphon"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == "<3.14,>=3.11"
    assert "self-hosted voice gateway" in str(metadata.get_payload())
    assert "antiphon-0.1.0.dist-info/licenses/LICENSE" in names


def test_without_a_built_page_there_is_no_wheel_but_a_sentence(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    done = run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", cwd=tmp_path)
    assert done.returncode != 0
    assert "`make dist` builds it" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def installed(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory, _no_settings_from_outside: None
) -> Iterator[Deployment]:
    """`antiphon up` out of the wheel, away from the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    python = folder / "venv" / "bin" / "python"
    must(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    must(UV, "pip", "sync", "--quiet", "--require-hashes", "--python", python, "requirements.lock")
    must(UV, "pip", "install", "--quiet", "--no-deps", "--python", python, wheel)
    antiphon = python.with_name("antiphon")
    deployment = Deployment.started(
        folder / "home", {"PYTHONPATH": ""}, command=("env", f"--chdir={folder}", str(antiphon), "up")
    )
    try:
        yield deployment
    except BaseException:
        deployment.kill()
        raise
    assert deployment.stop() == 0, deployment.tail()


async def test_installed_it_serves_the_page(installed: Deployment) -> None:
    async with aiohttp.ClientSession(installed.url, raise_for_status=True) as http:
        async with http.get("/") as answer:
            index = await answer.text()
        for asset in re.findall(r'(?:src|href)="(/[^"]+)"', index):
            async with http.get(asset) as answer:
                assert answer.status == 200


async def test_installed_it_takes_a_call_whose_tool_answers(installed: Deployment) -> None:
    async with Caller.calling(installed.url) as caller:
        await caller.write("what time is it in tokyo?")
        assert (await caller.tool("success"))["action"] == "tell_time"
        await caller.answer()
