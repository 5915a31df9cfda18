"""What the rows say was heard of an agent that was cut, against what an ear makes of the sound that came."""

import asyncpg
import pytest

from gateway.cli.caller import Caller
from tests.e2e.recogniser import recognise, words
from tests.e2e.rows import eventually
from tests.e2e.speech import Voice

STORY = "Seven small birds flew over the river and landed on a wooden boat near the old harbour this morning."

HEARD = "SELECT heard_text, heard_basis FROM voice_turns WHERE session_id = $1 AND speaker = 'agent' AND interrupted"


@pytest.mark.parametrize("after_words", [4, 8, 12])
async def test_the_heard_text_is_within_a_word_of_the_sound(
    caller: Caller, voice: Voice, database: asyncpg.Connection, after_words: int
) -> None:
    stop = await voice.say("stop")
    await caller.send("response.create", response={"instructions": STORY})
    began = (await caller.until("response.created"))["at"]
    for _ in range(after_words):
        await caller.until("response.output_audio_transcript.delta")
    await caller.say(stop)
    done = await caller.until("response.done")
    assert done["response"]["status"] == "cancelled"

    async def is_written() -> bool:
        return await database.fetchval(HEARD, caller.session_id) is not None

    await eventually(is_written)
    (row,) = await database.fetch(HEARD, caller.session_id)
    told = words(row["heard_text"]).split()
    whole = words(STORY).split()
    assert told == whole[: len(told)]
    beginnings = [" ".join(whole[:count]) for count in range(max(1, len(told) - 4), len(told) + 5)]
    verdict = recognise(caller.sound(began, done["at"]), beginnings)
    assert abs(len(verdict.sentence.split()) - len(told)) <= 1, (told, verdict)
    assert row["heard_basis"] == "synthesizer"
