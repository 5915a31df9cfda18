"""The Dockerfile, as far as it can be held without Docker: what it copies is there, what it runs exists."""

import re
import subprocess
import tomllib
from collections import defaultdict
from fnmatch import fnmatch

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.composition import ROOT
from tests.deploy.dockerfile import FILE, entrypoint, environment, instructions, of_image

TEXT = FILE.read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COPIED = [each for each in instructions(TEXT) if each.word == "COPY" and "from" not in each.options]
SOURCES = sorted({word for each in COPIED for word in each.words[:-1]})
INSTALLS = [each.rest for each in instructions(TEXT) if each.word == "RUN" and each.rest.startswith("pip ")]
TARGETS = (None, "speech")
"""The stages that are images: the last one, and the one with torch."""


def locked(lock: str) -> dict[str, set[str]]:
    """The versions of each package, more than one where the Python or the machine decides."""
    found: dict[str, set[str]] = defaultdict(set)
    text = (ROOT / lock).read_text(encoding="utf-8")
    for name, version in re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE):
        found[name].add(version)
    return found


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
    locks = {"requirements.lock", "requirements-speech.lock"}
    assert {"pyproject.toml", "hatch_build.py", "README.md", "web", *locks} <= set(SOURCES)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-speech.lock"])
def test_packages_are_those_of_the_lock_by_their_hashes_and_none_is_compiled(lock: str) -> None:
    (packages,) = [line for line in INSTALLS if line.endswith(f"-r {lock}")]
    assert "--require-hashes" in packages
    assert "--only-binary :all:" in packages


@pytest.mark.parametrize(
    ("system", "machine", "codec"),
    [("linux", "x86_64", "sphn"), ("linux", "aarch64", "av"), ("darwin", "arm64", "sphn")],
)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_lock_of_speech_brings_one_opus_codec_to_every_machine(
    system: str, machine: str, codec: str, python: str
) -> None:
    place = {
        "sys_platform": system,
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.0",
    }
    lock = (ROOT / "requirements-speech.lock").read_text(encoding="utf-8")
    codecs = [Requirement(each) for each in re.findall(r"^((?:av|sphn)==[^\\\n]+)", lock, re.MULTILINE)]
    brought = [each.name for each in codecs if each.marker is None or each.marker.evaluate(place)]
    assert brought == [codec]


def test_our_own_wheel_is_built_by_what_the_lock_brought() -> None:
    packages, _, ours = INSTALLS
    assert packages.endswith("-r requirements.lock")
    assert ours.endswith("install --no-deps --no-build-isolation .")
    for requirement in PROJECT["build-system"]["requires"]:
        name = re.split(r"[<>=]", requirement)[0]
        assert name in locked("requirements.lock"), f"{name} builds us without isolation"


def test_the_locks_agree_so_that_one_environment_can_lie_over_the_other() -> None:
    speech, base = locked("requirements-speech.lock"), locked("requirements.lock")
    assert {name: speech[name] for name in speech.keys() & base.keys()} == {
        name: base[name] for name in speech.keys() & base.keys()
    }


def test_the_speech_image_has_every_package_of_the_extra_in_a_version_that_it_allows() -> None:
    speech = locked("requirements-speech.lock")
    for line in PROJECT["project"]["optional-dependencies"]["speech"]:
        requirement = Requirement(line)
        versions = speech[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), line


def test_its_torch_is_the_one_of_the_tests() -> None:
    (tested,) = re.findall(r"torch==(\S+)", (ROOT / ".ci" / "setup" / "torch").read_text(encoding="utf-8"))
    assert locked("requirements-speech.lock")["torch"] == {tested}


def test_in_the_speech_image_our_code_lies_over_the_gigabytes_which_stay_when_it_changes() -> None:
    copied = [each.options["from"] for each in of_image(TEXT, "speech") if each.word == "COPY"]
    assert copied == ["locked-speech", "packages"]
    assert [each.options["from"] for each in of_image(TEXT) if each.word == "COPY"] == copied[1:]
    assert environment(TEXT).items() < environment(TEXT, "speech").items()


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_our_command_and_not_as_root(target: str | None) -> None:
    assert entrypoint(TEXT, target) == ["antiphon"]
    assert "antiphon" in PROJECT["project"]["scripts"]
    *_, user = [each.rest for each in of_image(TEXT, target) if each.word == "USER"]  # The last one runs it.
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


@pytest.mark.parametrize("target", TARGETS)
def test_no_secret_is_baked_in(target: str | None) -> None:
    assert not [name for name in environment(TEXT, target) if re.search(r"KEY|PASSWORD|SECRET|TOKEN", name)]
