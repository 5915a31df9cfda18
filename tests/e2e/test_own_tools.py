"""One's own tools in the product as it is started: the examples of docs/tools.md, asked for in a call."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from gateway.cli.caller import Caller, transcript
from gateway.cli.ports import free_port
from tests.docs_examples import examples
from tests.e2e.deployment import Deployment
from tests.e2e.rows import eventually, rows
from tests.e2e.speech import Voice, timeline
from tests.services.orchestrator.webhooks.n8n import NOT_ACTIVE, STARTED, N8n, n8n

SECRET = "the oven's own secret"


@pytest.fixture(scope="module")
def port() -> int:
    """Where n8n is."""
    return free_port()


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, port: int
) -> Iterator[Deployment]:
    """A deployment in whose home the page's tools lie, and a file that is wrong."""
    request.getfixturevalue("_no_settings_from_outside")
    home = tmp_path_factory.mktemp("antiphon")
    for name in ("agents", "tools"):
        (home / name).mkdir(mode=0o700)
    for name, text in zip(("kitchen", "bakery", "games"), examples("tools.md", "yaml"), strict=True):
        (home / "agents" / f"{name}.yaml").write_text(text.replace("localhost:5678", f"127.0.0.1:{port}"))
    [dice] = examples("tools.md", "python")
    (home / "tools" / "dice.py").write_text(dice)
    (home / "agents" / "broken.yaml").write_text("agent: broken\ntools: []\n")
    deployment = Deployment.started(home, {"N8N_SECRET": SECRET})
    try:
        yield deployment
    except BaseException:
        deployment.kill()
        raise
    assert deployment.stop() == 0, deployment.tail()


@pytest.fixture(scope="module")
def voice(deployment: Deployment) -> Voice:
    return Voice(deployment.part_url("synthesizer"), deployment.internal_key)


@pytest_asyncio.fixture
async def flow(port: int) -> AsyncIterator[N8n]:
    async with n8n(port) as double:
        yield double


async def test_a_spoken_wish_reaches_the_webhook_and_its_words_are_said(
    caller: Caller, flow: N8n, voice: Voice, database: asyncpg.Connection
) -> None:
    flow.answers([{"output": "The oven is on."}])
    await caller.say(timeline(0.3, await voice.say("heat the oven to two hundred degrees"), 0.5))
    assert (await caller.tool("success"))["action"] == "heat_oven"
    [got] = flow.got
    assert (got.path, got.json, got.headers["X-Api-Key"]) == ("/webhook/oven", {"degrees": 200}, SECRET)
    await caller.until("response.done", lambda done: transcript(done["response"]) == "The oven is on.")
    [row] = await rows(database, "voice_tool_invocations", UUID(caller.session_id))
    assert (row["status"], row["idempotency_key"]) == ("success", got.headers["Idempotency-Key"])
    assert row["result"] == {"response_text": "The oven is on.", "data": [{"output": "The oven is on."}]}


async def test_a_flow_that_is_not_active_is_said_to_be_and_explained_in_the_row(
    caller: Caller, flow: N8n, database: asyncpg.Connection
) -> None:
    flow.answers(NOT_ACTIVE, 404)
    await caller.write("heat the oven to ninety degrees")
    await caller.until("response.done", lambda done: "may not be active" in transcript(done["response"]))
    [row] = await rows(database, "voice_tool_invocations", UUID(caller.session_id))
    assert (row["status"], row["error"]["code"]) == ("error", "webhook_refused")
    assert NOT_ACTIVE["hint"] in row["error"]["message"]


async def test_a_flow_speaks_up_later_and_its_token_is_written_nowhere(
    caller: Caller, flow: N8n, deployment: Deployment, database: asyncpg.Connection
) -> None:
    flow.answers(STARTED)
    await caller.write("bake a loaf of bread")
    await caller.until("response.done", lambda done: "when it's done" in transcript(done["response"]))
    [got] = flow.got
    url, token = got.json["say_url"], got.json["say_token"]
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        async with http.post(url, json={"text": "The bread is ready."}) as said:
            assert said.status == 202
        await caller.until(
            "response.done", lambda done: transcript(done["response"]) == "The bread is ready."
        )
        async with http.get(url.removesuffix("/say")) as answer:
            assert answer.status == 403
        await caller.socket.close()

        async def over() -> bool:
            [session] = await rows(database, "voice_sessions", UUID(caller.session_id))
            return not session["is_active"]

        await eventually(over)
        async with http.post(url, json={"text": "The bread is cold."}) as late:
            assert late.status == 401
    written = await everything(database)
    assert "The bread is ready." in written
    assert "The bread is cold." not in written
    logs = all_logs(deployment)
    for secret in (token, SECRET):
        assert secret not in written
        assert secret not in logs


async def everything(database: asyncpg.Connection) -> str:
    """All rows of all tables of ours, as text."""
    tables = await database.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'voice%'"
    )
    found = [await database.fetch(f"SELECT t::text AS row FROM {table['tablename']} t") for table in tables]
    return "\n".join(row["row"] for table in found for row in table)


def all_logs(deployment: Deployment) -> str:
    """What the parts and their supervisor said."""
    files = [path.read_text() for path in deployment.home.logs.iterdir()]
    assert files
    return "\n".join([*files, *deployment.lines])


async def test_python_of_ones_own_runs(caller: Caller) -> None:
    await caller.write("roll a one sided die")
    await caller.until("response.done", lambda done: "two sides at least" in transcript(done["response"]))


async def test_the_number_of_calls_is_that_of_the_rows_the_present_one_included(
    deployment: Deployment, caller: Caller, database: asyncpg.Connection
) -> None:
    # Another beside it, so that the answer is in the plural also where this test runs alone.
    async with Caller.calling(deployment.url) as other:

        async def both_written() -> bool:
            calls = [UUID(each.session_id) for each in (caller, other)]
            return all([await rows(database, "voice_sessions", call) for call in calls])

        await eventually(both_written)
        await caller.write("how many calls did we have today")
        assert (await caller.tool("success"))["action"] == "count_calls"
        done = await caller.until("response.done", lambda done: "We've" in transcript(done["response"]))
        [[count]] = await database.fetch("SELECT count(*) FROM voice_sessions")
    assert transcript(done["response"]) == f"We've had {count} calls today, this one included."


async def test_a_file_that_is_wrong_is_told_and_takes_no_other_tool_away(deployment: Deployment) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{deployment.part_url('orchestrator')}/ready") as answer,
    ):
        ready = await answer.json()
    assert answer.status == 200
    assert ready["left_out"].startswith("broken.yaml: description: Field required")
