"""A call with the official OpenAI SDK, as it comes: by voice, by text, with a tool, cancelled and truncated."""

import asyncio
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from gateway.cli.waveforms import AUDIBLE_DB, Pcm, levels
from tests.e2e.deployment import Deployment
from tests.e2e.recogniser import nearest_in_length, recognise, words
from tests.e2e.rows import eventually, rows
from tests.e2e.sentences import reply_sentences, small_talk_sentences, times_like
from tests.e2e.speech import Voice, audible_s, read_wav, shuffled, timeline, write_wav
from tests.e2e.stock_clients import FOLDER, OPENAI

LIMIT_S = 200

RECORDED = small_talk_sentences()[0]
"""What the SDK asks for as recorded speech: a sentence that the ear can tell from others."""

Told = dict[str, Any]


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python in the client's own environment."""
    OPENAI.set_up()
    return OPENAI.python


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def seen(
    deployment: Deployment, voice: Voice, python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Told:
    """What the SDK saw, in one run for all tests here."""
    folder = tmp_path_factory.mktemp("sdk")
    spoken = write_wav(folder / "spoken.wav", timeline(0.5, await voice.say("how are you today"), 0.3))
    burst = write_wav(folder / "burst.wav", timeline(0.5, await voice.say("what is your name"), 1.5))
    return await _call(python, f"{deployment.url}/v1", spoken, burst, folder, RECORDED)


async def _call(python: Path, *arguments: str | Path) -> Told:
    client = await asyncio.create_subprocess_exec(
        python, FOLDER / "openai" / "client.py", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(LIMIT_S):
        out, err = await client.communicate()
    assert client.returncode == 0, err.decode()
    told: Told = json.loads(out)
    return told


def heard(turn: Told) -> Pcm:
    return read_wav(Path(turn["wav"]))


def agent_words(turn: Told) -> Sequence[str]:
    return [part["transcript"] for answer in turn["answers"] for part in answer["output"][0]["content"]]


def test_it_is_the_sdk_that_people_use_today(seen: Told) -> None:
    print(seen["versions"])
    assert int(seen["versions"]["openai"].split(".")[0]) >= 3, seen["versions"]


def test_nothing_is_an_error(seen: Told) -> None:
    assert [seen[turn]["errors"] for turn in ("voice", "text", "tool", "cancel", "truncate", "burst")] == [
        []
    ] * 6


def test_a_turn_by_voice_is_understood_and_answered(seen: Told) -> None:
    turn = seen["voice"]
    assert turn["said"] == ["how are you today"]
    assert words(agent_words(turn)[0]) in reply_sentences("how_are_you")


def test_the_events_of_a_turn_come_in_their_order(seen: Told) -> None:
    order = [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_item.done",
        "response.done",
    ]
    kinds = seen["voice"]["kinds"]
    places = [kinds.index(kind) for kind in order]
    assert places == sorted(places), kinds


def test_no_event_is_one_that_stock_clients_do_not_know(seen: Told) -> None:
    kinds = {kind for turn in ("voice", "tool", "cancel") for kind in seen[turn]["kinds"]}
    assert not {kind for kind in kinds if kind.startswith("antiphon")}


@pytest.mark.parametrize("name", ["voice", "text", "burst"])
def test_the_answer_sounds_and_says_what_the_transcript_says(seen: Told, name: str) -> None:
    sound = heard(seen[name])
    assert audible_s(sound) > 0.8
    assert levels(sound).max() > AUDIBLE_DB + 15
    said = words(agent_words(seen[name])[0])
    candidates = nearest_in_length(said, small_talk_sentences())
    assert recognise(sound, candidates).heard == said
    assert recognise(shuffled(sound), candidates).heard is None


def test_recorded_speech_says_what_was_asked_for(seen: Told) -> None:
    sound = heard(seen["recorded"])
    assert audible_s(sound) > 0.8
    assert recognise(sound, nearest_in_length(RECORDED, small_talk_sentences())).heard == RECORDED


def test_a_file_in_one_burst_is_a_turn_too(seen: Told) -> None:
    assert seen["burst"]["said"] == ["what is your name"]
    assert words(agent_words(seen["burst"])[0]) in reply_sentences("who_are_you")


def test_a_tool_is_announced_run_and_told(seen: Told) -> None:
    turn = seen["tool"]
    [tool] = turn["tools"]
    assert (tool["server_label"], tool["name"], json.loads(tool["arguments"])) == (
        "clock",
        "tell_time",
        {"place": "Tokyo"},
    )
    [result] = agent_words(turn)
    told = json.loads(tool["output"])
    assert result == told["response_text"]


def test_the_result_of_the_tool_is_heard(seen: Told) -> None:
    turn = seen["tool"]
    result = heard(turn)
    candidates = times_like(json.loads(turn["tools"][0]["output"]))
    assert recognise(result, candidates).heard == words(agent_words(turn)[-1])
    assert recognise(shuffled(result), candidates).heard is None


def test_cancel_stops_an_answer_in_its_middle(seen: Told) -> None:
    turn = seen["cancel"]
    [answer] = turn["answers"]
    assert (answer["status"], answer["status_details"]["reason"]) == ("cancelled", "client_cancelled")
    assert audible_s(heard(turn)) < 3.0, "the whole answer takes twice as long"
    assert answer["output"][0]["status"] == "incomplete"


async def test_truncate_corrects_what_was_heard(seen: Told, database: asyncpg.Connection) -> None:
    assert seen["truncate"]["kinds"][-1] == "conversation.item.truncated"
    item = seen["truncate"]["answers"][0]["output"][0]["id"]
    turn_id = UUID(item.removeprefix("item_"))

    async def corrected() -> bool:
        row = await database.fetchrow("SELECT * FROM voice_turns WHERE turn_id = $1", turn_id)
        return (
            row is not None
            and row["heard_basis"] == "client"
            and 0 < len(row["heard_text"]) < len(row["text"]) / 2
        )

    await eventually(corrected)


async def test_the_call_is_in_the_database(seen: Told, database: asyncpg.Connection) -> None:
    session_id = UUID(seen["session_id"].removeprefix("sess_"))

    async def ended() -> bool:
        [session] = await rows(database, "voice_sessions", session_id)
        return not session["is_active"]

    await eventually(ended)
    [session] = await rows(database, "voice_sessions", session_id)
    assert (session["mode"], session["end_reason"]) == ("local", "client_closed")
    assert "openai" in session["client"].lower()
    turns = await rows(database, "voice_turns", session_id, "seq")
    assert [
        turn["speaker"] for turn in turns
    ] == "user agent user agent user agent user agent user agent".split()
    assert [turn["interrupted"] for turn in turns if turn["speaker"] == "agent"] == [False] * 3 + [True] * 2
    [tool] = await rows(database, "voice_tool_invocations", session_id)
    assert (tool["action"], tool["status"]) == ("tell_time", "success")
    injections = await rows(database, "voice_injections", session_id)
    assert [(each["source"], each["state"]) for each in injections] == [("tool", "heard")]
    spans = {each["span"] for each in await rows(database, "voice_latencies", session_id)}
    assert spans >= {"endpoint", "transcript", "intent", "dispatch", "tool", "first_audio", "turn"}
