"""A timer asked for by voice, in two breaths, that speaks up by itself; and one that is told in the next call."""

from uuid import UUID, uuid4

import asyncpg

from gateway.cli.caller import Caller, transcript
from gateway.cli.waveforms import Pcm
from tests.e2e.deployment import Deployment
from tests.e2e.recogniser import nearest_in_length, recognise, words
from tests.e2e.rows import eventually, rows
from tests.e2e.speech import Voice, timeline

TIMERS = "SELECT * FROM voice_timers WHERE user_id = $1"


def is_up(seconds: int) -> str:
    return f"Your {seconds} second timer is up."


def sentences(seconds: int) -> list[str]:
    """What is said of this timer, and 19 others of like length."""
    others = [words(is_up(each)) for each in range(2, 100)]
    return nearest_in_length(words(is_up(seconds)), others)


async def told(caller: Caller, text: str) -> Pcm:
    """Wait until the agent has said `text`; its sound."""
    while transcript(response := await caller.answer()) != text:
        assert response["status"] == "completed"
    pieces = [piece for piece in caller.pieces if piece.response_id == response["id"]]
    return caller.sound(pieces[0].begin / 24_000, pieces[-1].end / 24_000)


async def said_row(database: asyncpg.Connection, user_id: str) -> asyncpg.Record:
    """The user's only timer, once it was said."""

    async def said() -> bool:
        return [row["state"] for row in await database.fetch(TIMERS, user_id)] == ["said"]

    await eventually(said)
    [row] = await database.fetch(TIMERS, user_id)
    return row


async def test_a_timer_that_was_asked_for_in_two_breaths_is_set_once_and_speaks_up_by_itself(
    deployment: Deployment, voice: Voice, database: asyncpg.Connection
) -> None:
    user_id = str(uuid4())
    first, second = await voice.say("set a timer for"), await voice.say("five seconds")
    async with Caller.calling(deployment.url, user_id=user_id) as caller:
        await caller.say(timeline(0.5, first, 0.9, second, 0.3))
        assert (await caller.tool("success"))["action"] == "set_timer"
        sound = await told(caller, is_up(5))
        assert recognise(sound, sentences(5)).heard == words(is_up(5))
        row = await said_row(database, user_id)
        assert (row["duration_s"], row["attempt"], str(row["said_in"])) == (5, 1, caller.session_id)
        injections = await rows(database, "voice_injections", UUID(caller.session_id))
        [said] = [each for each in injections if each["source"] == "say"]
        assert (said["injection_id"], said["state"]) == (row["injection_id"], "heard")


async def test_a_timer_whose_call_was_over_is_told_in_the_users_next(
    deployment: Deployment, database: asyncpg.Connection
) -> None:
    user_id = str(uuid4())
    async with Caller.calling(deployment.url, user_id=user_id) as caller:
        await caller.write("remind me in two seconds to call my mother")
        await caller.tool("success")
    [row] = await database.fetch(TIMERS, user_id)
    assert row["label"] == "call your mother"
    async with Caller.calling(deployment.url, user_id=user_id) as caller:
        text = transcript(await caller.answer())
        assert text.endswith("call your mother."), text
        await said_row(database, user_id)
