"""What a person on the line notices when parts die, tools fail or a neighbour does not read: as little as can be."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from gateway.cli.caller import API, Caller, transcript
from services.orchestrator.loader import PACKAGED_AGENTS
from tests.e2e.deaf import DeafClient
from tests.e2e.deployment import Deployment
from tests.e2e.recogniser import nearest_in_length, recognise, words
from tests.e2e.rows import eventually, rows
from tests.e2e.sentences import small_talk_sentences
from tests.e2e.speech import Voice, timeline, without_waiting

TROUBLE = Path(__file__).parent / "trouble"
ROOT = Path(__file__).parents[2]

CUT_LIMIT_S = 60.0
"""A client that does not read is cut off 10 s after the kernel's buffers are full, which takes a few."""


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Deployment]:
    """A deployment to be ill-treated, with tools that go wrong beside the usual ones."""
    request.getfixturevalue("_no_settings_from_outside")
    agents = tmp_path_factory.mktemp("agents")
    shutil.copytree(PACKAGED_AGENTS, agents, dirs_exist_ok=True)
    shutil.copy(TROUBLE / "bells.yaml", agents)
    deployment = Deployment.started(
        tmp_path_factory.mktemp("antiphon"),
        {
            "ORCHESTRATOR_AGENTS": str(agents),
            "ORCHESTRATOR_TOOL_PACKAGES": "services.orchestrator.tools,tests.e2e.trouble",
            "PYTHONPATH": str(ROOT),
        },
    )
    try:
        yield deployment
    except BaseException:
        deployment.kill()
        raise
    assert deployment.stop() == 0, deployment.tail()


@pytest.fixture(scope="module")
def voice(deployment: Deployment) -> Voice:
    return Voice(deployment.part_url("synthesizer"), deployment.internal_key)


async def ended_row(database: asyncpg.Connection, session_id: str) -> asyncpg.Record:
    """The session's row once it is over."""

    async def ended() -> bool:
        found = await rows(database, "voice_sessions", UUID(session_id))
        return bool(found) and not found[0]["is_active"]

    await eventually(ended)
    [session] = await rows(database, "voice_sessions", UUID(session_id))
    return session


async def is_written(database: asyncpg.Connection, session_id: str) -> bool:
    """Whether the session has its row."""
    return bool(await rows(database, "voice_sessions", UUID(session_id)))


async def tool_row(database: asyncpg.Connection, session_id: str) -> asyncpg.Record:
    [tool] = await rows(database, "voice_tool_invocations", UUID(session_id))
    return tool


FAILURES = [
    ("ring the stuck bell", "tool_timeout", "it took too long"),
    ("ring the broken bell", "tool_failed", "something went wrong on the way"),
    ("ring the odd bell", "bad_result", "the answer made no sense"),
]


@pytest.mark.parametrize(("wish", "code", "reason"), FAILURES)
async def test_a_tool_that_fails_is_said_to_have_failed(
    caller: Caller, database: asyncpg.Connection, wish: str, code: str, reason: str
) -> None:
    await caller.write(f"{wish} please")
    said = transcript(await caller.answer())
    assert reason in said
    assert "clapper" not in said, "what an exception says is for the log"
    row = await tool_row(database, caller.session_id)
    assert (row["status"], row["error"]["code"], row["result"]) == ("error", code, None)
    await caller.write("how are you today?")
    assert (await caller.answer())["status"] == "completed", "the call goes on"


async def test_a_deed_whose_orchestrator_died_is_unknown_and_said_so(
    deployment: Deployment, caller: Caller, database: asyncpg.Connection
) -> None:
    await caller.write("ring the church bell")
    await caller.tool("running")
    deployment.kill_part("orchestrator")
    # By the gateway, or by the orchestrator itself, where it is back while the user waits.
    assert re.search(r"can't tell whether it (is|was) done", transcript(await caller.answer()))
    row = await tool_row(database, caller.session_id)
    assert row["status"] == "unknown"
    assert row["error"]["code"] in ("orchestrator_lost", "interrupted")
    await asyncio.to_thread(deployment.wait_for_line, "orchestrator is ready again")


async def test_a_timer_is_said_once_though_the_orchestrator_died_meanwhile(
    deployment: Deployment, caller: Caller, database: asyncpg.Connection
) -> None:
    await caller.write("set a timer for five seconds")
    await caller.tool("success")
    deployment.kill_part("orchestrator")
    while transcript(await caller.answer()) != "Your 5 second timer is up.":
        pass

    async def said() -> bool:
        return [row["state"] for row in await database.fetch("SELECT state FROM voice_timers")] == ["said"]

    await eventually(said)
    injections = await rows(database, "voice_injections", UUID(caller.session_id))
    assert [(each["text"], each["state"]) for each in injections if each["source"] == "say"] == [
        ("Your 5 second timer is up.", "heard")
    ]


async def test_words_are_kept_when_the_transcriber_is_killed_in_mid_word(
    deployment: Deployment, caller: Caller, voice: Voice
) -> None:
    sound = timeline(0.3, await voice.say("what time is it in tokyo"))
    speaking = asyncio.create_task(caller.say(sound))
    await caller.until("antiphon.partial", lambda event: "time" in event["text"])
    deployment.kill_part("transcriber")
    await speaking
    said = await caller.until("conversation.item.input_audio_transcription.completed")
    assert said["transcript"] == "what time is it in tokyo"
    assert (await caller.tool("success"))["action"] == "tell_time"
    await asyncio.to_thread(deployment.wait_for_line, "transcriber is ready again")


async def test_a_sentence_is_spoken_though_its_synthesizer_dies(
    deployment: Deployment, caller: Caller, voice: Voice
) -> None:
    synthesizer = deployment.part("synthesizer").pid
    assert synthesizer is not None
    # Stopped first, or it would have made the whole sentence before the signal comes.
    os.kill(synthesizer, signal.SIGSTOP)
    await caller.write("how are you today?")
    await caller.until("response.created")
    deployment.kill_part("synthesizer")
    response = await caller.answer()
    assert response["status"] == "completed"
    said = words(transcript(response))
    assert recognise(caller.sound(), nearest_in_length(said, small_talk_sentences())).heard == said
    await asyncio.to_thread(deployment.wait_for_line, "synthesizer is ready again")


async def test_an_answer_goes_on_when_the_synthesizer_is_killed_in_mid_word(
    deployment: Deployment, caller: Caller
) -> None:
    await caller.write("how are you today?")
    await caller.until("response.output_audio_transcript.delta")
    deployment.kill_part("synthesizer")
    response = await caller.answer()
    assert response["status"] == "completed"
    # The word in which it was killed is said again, whole, and stands twice in the transcript.
    said = " ".join(word for word, _ in groupby(words(transcript(response)).split()))
    assert said in small_talk_sentences()
    # While the synthesizer comes back nothing sounds, for seconds on a busy machine. What was cut off of a word fits
    # no candidate, so the likeliest has to do.
    sound = without_waiting(caller.sound())
    assert recognise(sound, nearest_in_length(said, small_talk_sentences())).sentence == said
    await asyncio.to_thread(deployment.wait_for_line, "synthesizer is ready again")


async def test_a_client_that_does_not_read_is_cut_off_and_others_go_on(
    deployment: Deployment, caller: Caller
) -> None:
    async with aiohttp.ClientSession(deployment.url, raise_for_status=True) as http:
        async with http.post(f"{API}/duplex/session", json={}) as answer:
            made = await answer.json()
        secret = made["client_secret"]["value"]
        deaf = await DeafClient.connect(made["realtime_url"], secret)
        deaf.send("session.update", session={"type": "realtime"})
        sermon = "And then it went on about the moss. " * 40
        async with http.post(f"{API}/sessions/{made['session_id']}/say", json={"text": sermon}):
            pass
        try:
            async with asyncio.timeout(CUT_LIMIT_S):
                cut = asyncio.create_task(deaf.until_cut())
                await caller.write("how are you today?")
                assert (await caller.answer())["status"] == "completed"
                assert not cut.done()
                await cut
        finally:
            deaf.close()
        told = await _events_after(http, made, 0)
        assert "client_too_slow" in [event["error"]["code"] for event in told if event["type"] == "error"]


async def _events_after(
    http: aiohttp.ClientSession, made: dict[str, Any], number: int
) -> Sequence[dict[str, Any]]:
    """Come back to a session, and take what was missed, up to the last error."""
    headers = {"Authorization": f"Bearer {made['client_secret']['value']}"}
    seen: list[dict[str, Any]] = []
    async with (
        asyncio.timeout(30),
        http.ws_connect(f"{made['realtime_url']}&after={number}", headers=headers) as socket,
    ):
        while not seen or seen[-1]["type"] != "error":
            seen.append(await socket.receive_json())
    return seen


async def test_a_gateway_that_is_told_to_stop_ends_its_calls_in_order(
    deployment: Deployment, caller: Caller, database: asyncpg.Connection
) -> None:
    await caller.write("what can you do?")
    for _ in range(5):
        await caller.until("response.output_audio_transcript.delta")
    gateway = deployment.part("gateway").pid
    assert gateway is not None
    os.kill(gateway, signal.SIGTERM)
    response = await caller.answer()
    assert response["status"] == "cancelled"
    error = await caller.until("error")
    assert error["error"]["code"] == "gateway_stopped"
    await caller.closed()
    await asyncio.to_thread(deployment.wait_for_line, "gateway is ready again")
    assert caller.close_code == aiohttp.WSCloseCode.GOING_AWAY
    session = await ended_row(database, caller.session_id)
    assert session["end_reason"] == "gateway_stopped"
    *_, last = await rows(database, "voice_turns", UUID(caller.session_id), "seq")
    assert (last["speaker"], last["interrupted"]) == ("agent", True)
    assert 0 < len(last["heard_text"]) < len(last["text"])


async def test_calls_of_a_gateway_that_was_killed_are_closed_by_the_next(
    deployment: Deployment, caller: Caller, database: asyncpg.Connection
) -> None:
    await caller.write("what can you do?")
    await caller.until("response.output_audio_transcript.delta")
    # What is not written down yet when it is killed nobody can close.
    await eventually(lambda: is_written(database, caller.session_id))
    deployment.kill_part("gateway")
    await caller.closed()
    await asyncio.to_thread(deployment.wait_for_line, "gateway is ready again")
    session = await ended_row(database, caller.session_id)
    assert session["end_reason"] == "gateway_lost"
    async with Caller.calling(deployment.url) as another:
        await another.write("how are you today?")
        assert (await another.answer())["status"] == "completed"
