"""The Dockerfile, as far as it can be held without Docker: what it copies is there, what it runs exists."""

import re
import subprocess
import tomllib
from fnmatch import fnmatch

import pytest

from tests.deploy.composition import ROOT
from tests.deploy.dockerfile import FILE, entrypoint, environment, instructions, of_image

TEXT = FILE.read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COPIED = [each for each in instructions(TEXT) if each.word == "COPY" and "from" not in each.options]
SOURCES = sorted({word for each in COPIED for word in each.words[:-1]})


def tracked(path: str) -> bool:
    listed = subprocess.run(
        ["git", "ls-files", "--", path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return bool(listed.stdout)


def kept(path: str) -> bool:
    """Whether `.dockerignore` lets it into the build: its last line that fits decides."""
    verdict = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.lstrip("!")
        parents = [path, *(str(parent) for parent in (ROOT / path).relative_to(ROOT).parents)]
        if line and not line.startswith("#") and any(fnmatch(parent, pattern) for parent in parents):
            verdict = line.startswith("!")
    return verdict


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_copied_is_in_the_repository_and_not_ignored(source: str) -> None:
    assert tracked(source)
    assert kept(source)


@pytest.mark.parametrize(
    "path", [".env", ".git", ".antiphon", ".venv", "web/node_modules", "web/dist", "tests"]
)
def test_what_has_no_business_in_an_image_is_left_out(path: str) -> None:
    assert not kept(path)


def test_every_package_of_the_wheel_is_copied() -> None:
    packages = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert packages <= set(SOURCES)
    assert {"pyproject.toml", "hatch_build.py", "README.md", "requirements.lock", "web"} <= set(SOURCES)


def test_packages_are_those_of_the_lock_by_their_hashes_and_none_is_compiled() -> None:
    installs = [each.rest for each in instructions(TEXT) if each.word == "RUN" and " install " in each.rest]
    (packages,) = [line for line in installs if "requirements.lock" in line]
    assert "--require-hashes" in packages
    assert "--only-binary :all:" in packages
    (ours,) = [line for line in installs if line.endswith("install --no-deps --no-build-isolation .")]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for requirement in PROJECT["build-system"]["requires"]:
        name = re.split(r"[<>=]", requirement)[0]
        assert re.search(rf"^{name}==", lock, re.MULTILINE), f"{name} builds us without isolation"
    assert installs.index(packages) < installs.index(ours)


def test_the_image_runs_our_command_and_not_as_root() -> None:
    assert entrypoint(TEXT) == ["antiphon"]
    assert "antiphon" in PROJECT["project"]["scripts"]
    (user,) = [each.rest for each in of_image(TEXT) if each.word == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_the_wheel_is_built_with_the_page_that_the_first_stage_built() -> None:
    steps = list(instructions(TEXT))
    (page,) = [step for step in steps if step.word == "COPY" and step.options.get("from") == "page"]
    (build,) = [step for step in steps if step.word == "RUN" and step.words[-1] == "."]
    assert page.words == ["/src/web/dist", "web/dist"]
    assert page.stage == build.stage
    assert steps.index(page) < steps.index(build)
    assert steps[0].stage == -1
    assert any(step.rest == "npm run build" and step.stage == 0 for step in steps)


def test_its_python_is_one_that_we_support() -> None:
    (default,) = [each.rest for each in instructions(TEXT) if each.rest.startswith("PYTHON=")]
    low, high = re.findall(r"\d+\.(\d+)", PROJECT["project"]["requires-python"])
    assert int(low) <= int(default.partition(".")[2]) < int(high)


def test_no_secret_is_baked_in() -> None:
    assert not [name for name in environment(TEXT) if re.search(r"KEY|PASSWORD|SECRET|TOKEN", name)]
