"""Postgres is away in the middle of a call: it goes on, does what is asked, and loses no row."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from gateway.cli.caller import Caller, transcript
from gateway.cli.postgres import EmbeddedPostgres
from services.base.database_url import for_psql
from tests.e2e.deployment import Deployment
from tests.e2e.rows import eventually, rows
from tests.e2e.speech import Voice, timeline


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A database that is not the deployment's own, so that nobody starts it again."""
    server = EmbeddedPostgres(tmp_path / "postgres", password="of one test")
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def deployment(
    server: EmbeddedPostgres, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Deployment]:
    """`antiphon up` on that database."""
    request.getfixturevalue("_no_settings_from_outside")
    environment = {"DATABASE_URL": server.url()}
    deployment = await asyncio.to_thread(Deployment.started, tmp_path / "antiphon", environment)
    try:
        yield deployment
    except BaseException:
        deployment.kill()
        raise
    assert await asyncio.to_thread(deployment.stop) == 0, deployment.tail()


async def test_a_call_goes_on_while_postgres_is_away_and_its_rows_come_afterwards(
    server: EmbeddedPostgres, deployment: Deployment
) -> None:
    voice = Voice(deployment.part_url("synthesizer"), deployment.internal_key)
    question = timeline(0.3, await voice.say("what time is it in tokyo"))
    async with Caller.calling(deployment.url) as caller:
        await caller.write("how are you today?")
        assert (await caller.answer())["status"] == "completed"

        await server.stop()
        await caller.say(question)
        # Written into the journal before it was done.
        assert (await caller.tool("success"))["action"] == "tell_time"
        assert "Tokyo" in transcript(await caller.answer())
        await caller.write("how are you today?")
        assert (await caller.answer())["status"] == "completed"

        await server.start()
        await caller.say(question)
        assert (await caller.tool("success"))["action"] == "tell_time"
        await caller.answer()
        session_id = UUID(caller.session_id)

    database = await asyncpg.connect(for_psql(server.url()))
    await database.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    try:

        async def ended() -> bool:
            found = await rows(database, "voice_sessions", session_id)
            return bool(found) and not found[0]["is_active"]

        await eventually(ended)
        events = await rows(database, "voice_events", session_id, "seq")
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert [event["at_samples"] for event in events] == sorted(event["at_samples"] for event in events)
        done = await rows(database, "voice_tool_invocations", session_id, "requested_at")
        assert [row["status"] for row in done] == ["success", "success"]
        turns = await rows(database, "voice_turns", session_id, "seq")
        said = [turn["text"] for turn in turns if turn["speaker"] == "user"]
        assert len(said) == 4
    finally:
        await database.close()
