"""A caller whose microphone hears the agent, 20 dB weaker and 150 ms late."""

from collections import Counter
from uuid import UUID

import asyncpg

from gateway.cli.caller import Caller, Echo, Room, brief
from gateway.session.clock import samples
from tests.e2e.deployment import Deployment
from tests.e2e.rows import eventually, rows
from tests.e2e.speech import Voice, timeline

BARE_SPEAKER = Room(echo=Echo(gain=0.1, late=samples(150)))

QUESTIONS = ("who are you", "tell me a joke", "how are you today")


async def test_the_agent_s_own_sound_interrupts_nothing_and_the_user_over_it_does(
    deployment: Deployment, voice: Voice, database: asyncpg.Connection
) -> None:
    stop = await voice.say("stop")
    async with Caller.calling(deployment.url, BARE_SPEAKER) as caller:
        for question in QUESTIONS:
            await caller.say(timeline(0.5, await voice.say(question), 0.3))
            answer = await caller.answer()
            assert answer["status"] == "completed", "\n".join(map(brief, caller.events))
            await caller.when("the end of the answer's sound", lambda: caller.now() > caller.sounds_until())
        await caller.say(timeline(0.5, await voice.say("tell me a joke"), 0.3))
        asked = caller.now()
        await caller.when(
            "a second of sound", lambda: (caller.sounded(asked) or caller.now()) + 1.0 < caller.now()
        )
        await caller.say(timeline(stop, 0.3))
        assert (await caller.answer())["status"] == "cancelled"
        session_id = UUID(caller.session_id)

    async def is_over() -> bool:
        ended = "SELECT 1 FROM voice_sessions WHERE session_id = $1 AND NOT is_active"
        return bool(await database.fetch(ended, session_id))

    await eventually(is_over)
    kinds = Counter(row["kind"] for row in await rows(database, "voice_barge_in_events", session_id))
    assert kinds["barge_in"] == 1
    assert kinds["backchannel"] == 0
    # The first echo of a call passes for a quarter of a second, until it is known for one.
    assert kinds["false_alarm"] <= 1
    assert kinds["echo"] >= 3
    said = [row for row in await rows(database, "voice_turns", session_id) if row["speaker"] == "user"]
    assert len([row for row in said if row["text"]]) == len(QUESTIONS) + 2
