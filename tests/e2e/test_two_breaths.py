"""One wish, two breaths, with real speech: one turn and one answer."""

import asyncpg
import pytest

from gateway.cli.caller import Caller, transcript
from tests.e2e.rows import eventually
from tests.e2e.speech import Voice, timeline

TURNS = "SELECT text FROM voice_turns WHERE session_id = $1 AND speaker = 'user' ORDER BY seq"
TOLD = """SELECT text FROM voice_injections WHERE session_id = $1 AND source = 'tool' AND state IN ('heard', 'cut')
ORDER BY injection_id"""


@pytest.mark.parametrize("pause", [0.7, 1.0])
async def test_a_question_that_goes_on_is_answered_as_a_whole(
    caller: Caller, voice: Voice, database: asyncpg.Connection, pause: float
) -> None:
    first, second = await voice.say("what time is it"), await voice.say("in tokyo")
    await caller.say(timeline(0.5, first, pause, second, 0.3))
    # The first half may be answered before the second comes; that answer is cut.
    while not transcript(await caller.answer()).endswith("in Tokyo."):
        pass

    async def is_written() -> bool:
        told = await database.fetch(TOLD, caller.session_id)
        return bool(told) and told[-1]["text"].endswith("in Tokyo.")

    await eventually(is_written)
    assert [row["text"] for row in await database.fetch(TURNS, caller.session_id)] == [
        "what time is it in tokyo"
    ]
