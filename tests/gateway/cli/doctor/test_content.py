"""What the doctor finds of what is served: database, page, personas, agents."""

from pathlib import Path

import pytest

from gateway.cli.deployment import UpSettings
from gateway.cli.doctor import content, database
from gateway.cli.home import Home


async def test_a_database_of_the_users_own_is_entered(empty_database_url: str) -> None:
    found = await database.foreign(empty_database_url)
    assert found.verdict == "good"
    assert "Postgres 18" in found.what


async def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    found = await database.foreign("postgresql://me:secret@127.0.0.1:1/mine")
    assert found.verdict == "bad"
    assert "me@127.0.0.1" in found.what
    assert "is the server up" in found.advice
    assert "secret" not in found.what


def test_a_page_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = content.page(UpSettings(web_folder=tmp_path))
    assert found.verdict == "note"
    assert str(tmp_path) in found.what
    (tmp_path / "index.html").touch()
    assert content.page(UpSettings(web_folder=tmp_path)).verdict == "good"


def test_personas_that_cannot_be_used_are_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONAS_FOLDER", str(tmp_path))
    found = content.personas()
    assert found.verdict == "bad"
    assert str(tmp_path) in found.what


def test_the_agents_that_come_along_are_named(tmp_path: Path) -> None:
    [found] = content.agents(Home(tmp_path))
    assert found.verdict == "good"
    assert "clock" in found.what


def test_an_agent_of_ones_own_that_does_not_load_is_told(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "kitchen.yaml").write_text("agent: kitchen\n")
    good, left_out = content.agents(Home(tmp_path))
    assert good.verdict == "good"
    assert (left_out.verdict, left_out.what) == ("note", "the agent kitchen is left out")
    assert "kitchen.yaml" in left_out.advice


def test_a_folder_of_agents_that_is_not_there_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_AGENTS", str(tmp_path / "nowhere"))
    [found] = content.agents(Home(tmp_path))
    assert found.verdict == "bad"
    assert "nowhere" in found.what
