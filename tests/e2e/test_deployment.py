"""`antiphon up` and the commands around it."""

import asyncio
import json
from uuid import UUID

import aiohttp
import asyncpg

from gateway.cli.caller import API, Caller
from tests.e2e.deployment import Deployment, run_command
from tests.e2e.rows import eventually, rows


async def antiphon(deployment: Deployment, *arguments: str) -> str:
    """Run a command that must succeed; answers what it prints."""
    ran = await asyncio.to_thread(run_command, deployment.environment, *arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


async def test_every_part_is_ready_once_it_says_where_to_talk(deployment: Deployment) -> None:
    assert set(deployment.running.parts) == {
        "postgres",
        "orchestrator",
        "synthesizer",
        "transcriber",
        "gateway",
    }
    async with aiohttp.ClientSession() as http, http.get(f"{deployment.url}/ready") as answer:
        assert answer.status == 200, await answer.text()


async def test_the_address_shows_the_page(deployment: Deployment) -> None:
    async with aiohttp.ClientSession() as http, http.get(deployment.url) as answer:
        assert answer.status == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "Antiphon" in await answer.text()


async def test_a_second_start_says_what_runs(deployment: Deployment) -> None:
    said = await antiphon(deployment, "up")
    assert f"already running at {deployment.url}" in said
    assert f"pid {deployment.running.pid}" in said


async def test_a_call_is_seen_over_rest_by_command_and_in_sql(
    deployment: Deployment, database: asyncpg.Connection
) -> None:
    async with Caller.calling(deployment.url, user_id="ada", metadata={"desk": 7}) as caller:
        await caller.write("how are you today?")
        assert (await caller.answer())["status"] == "completed"
    session_id = caller.session_id

    async def ended() -> bool:
        [session] = await rows(database, "voice_sessions", UUID(session_id))
        return not session["is_active"]

    await eventually(ended)
    async with aiohttp.ClientSession(deployment.url, raise_for_status=True) as http:
        async with http.get(f"{API}/sessions", params={"user_id": "ada"}) as answer:
            [listed] = (await answer.json())["sessions"]
        async with http.get(f"{API}/sessions/{session_id}") as answer:
            whole = await answer.json()
        async with http.get(f"{API}/sessions/{session_id}/events") as answer:
            events = (await answer.json())["events"]
    assert (listed["session_id"], listed["is_active"], listed["metadata"]) == (session_id, False, {"desk": 7})
    assert [turn["speaker"] for turn in whole["turns"]] == ["user", "agent"]
    assert whole["turns"][0]["text"] == "how are you today?"
    assert "agent_ended" in [event["kind"] for event in events]

    assert session_id in await antiphon(deployment, "sessions", "list")
    assert json.loads(await antiphon(deployment, "sessions", "show", session_id))["session_id"] == session_id
    query = f"SELECT speaker, text FROM voice_turns WHERE session_id = '{session_id}' ORDER BY seq"
    assert "how are you today?" in await antiphon(deployment, "sql", query)


async def test_a_part_that_dies_is_started_again(deployment: Deployment) -> None:
    before = deployment.part("orchestrator").pid
    deployment.kill_part("orchestrator")
    await asyncio.to_thread(deployment.wait_for_line, "orchestrator is ready again")
    assert deployment.part("orchestrator").pid not in (before, None)
    async with Caller.calling(deployment.url) as caller:
        await caller.write("what time is it in tokyo?")
        assert (await caller.tool("success"))["action"] == "tell_time"


async def test_a_call_tells_who_makes_words_of_the_sound(caller: Caller) -> None:
    engine = await caller.until("antiphon.engine")
    assert engine["recognizer"].startswith("PocketSphinx")
