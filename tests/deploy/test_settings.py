"""`.env.example` and `docs/settings.md` tell every setting, with its default, and nothing that is none."""

from collections import defaultdict

import pytest
import yaml

from tests.deploy.settings import EXAMPLE, PAGE, Read, Told, page, reads, told
from tests.deploy.test_compose_file import OURS, TEXT

READ = list(reads())
TOLD = list(told(EXAMPLE.read_text(encoding="utf-8")))
BY_NAME = {each.name: each for each in TOLD}

NOT_FROM_US = {
    "PGPASSWORD": "Postgres's own clients'",
    "POSTGRES_DB": "the image's",
    "POSTGRES_INITDB_ARGS": "the image's",
    "POSTGRES_USER": "the image's",
}
"""Set in the compose file for programs that are not ours."""

MOUNTED = {"ORCHESTRATOR_AGENTS", "PERSONAS_FOLDER"}
"""Folders, which have to be mounted to be seen: docs/deployment.md. Settings of type `Path` are known by it."""


def by_name() -> dict[str, list[Read]]:
    found = defaultdict(list)
    for each in READ:
        found[each.name].append(each)
    return found


def test_every_setting_is_told() -> None:
    assert by_name().keys() - BY_NAME.keys() == set(), "add them to .env.example"


def test_nothing_is_told_that_nobody_reads() -> None:
    assert BY_NAME.keys() - by_name().keys() == set()


def test_no_setting_is_told_twice() -> None:
    names = [each.name for each in TOLD]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("setting", TOLD, ids=lambda each: each.name)
def test_what_is_told_of_a_setting_is_what_the_code_does(setting: Told) -> None:
    assert setting.section
    assert setting.meaning.endswith("."), "a comment in front of it says what it is"
    places = [each for each in by_name()[setting.name] if each.by != "compose"] or by_name()[setting.name]
    plain = {each.default for each in places if each.default is not None}
    if len(plain) > 1 or any(each.default is None and each.is_path for each in places):
        assert setting.default == ""
        assert "Default:" in setting.meaning, f"of {sorted(plain)}, say in words which holds where"
    elif plain:
        assert {setting.default} == plain
    else:
        assert setting.default == "" or "Default:" in setting.meaning


def test_the_page_tells_what_the_example_tells() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(written), "`python -m tests.deploy.settings` writes it anew"


@pytest.mark.parametrize("part", ["gateway", "orchestrator", "speech", "synthesizer", "transcriber"])
def test_a_container_can_be_given_every_setting_of_its_part(part: str) -> None:
    read_here = {each.name for each in READ if each.by in (part, "every part") and not each.is_path}
    # A container's own port never clashes; what is published is GATEWAY_PUBLISH's business.
    needless = {f"{part.upper()}_PORT", *MOUNTED}
    assert read_here - needless - names_in(part) == set(), "add them to its environment in the compose file"


@pytest.mark.parametrize("service", [*OURS, "postgres"])
def test_a_container_is_told_nothing_that_nobody_reads(service: str) -> None:
    assert names_in(service) - by_name().keys() - NOT_FROM_US.keys() == set()


def names_in(service: str) -> set[str]:
    """What its environment names, whether there is a value for it or not."""
    named: dict[str, str | None] = yaml.safe_load(TEXT)["services"][service]["environment"]
    return set(named)


def test_the_compose_file_names_no_variable_that_is_not_told() -> None:
    asked = {each.name for each in READ if each.by == "compose"}
    assert "GATEWAY_PUBLISH" in asked
    assert asked <= BY_NAME.keys()
