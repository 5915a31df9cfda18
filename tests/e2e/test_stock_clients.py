"""A call by voice with each stock client, as it comes: a turn, "okay" over the agent, a barge-in, a tool.

Each is one of the examples of `docs/clients.md`, in a room whose caller decides by ear when to speak.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from gateway.cli.waveforms import AUDIBLE_DB, Pcm, levels
from tests.e2e.deployment import Deployment
from tests.e2e.recogniser import nearest_in_length, recognise, words
from tests.e2e.room import Room
from tests.e2e.rows import eventually, rows
from tests.e2e.sentences import reply_sentences, small_talk_sentences
from tests.e2e.speech import Voice, audible_s, timeline, write_wav
from tests.e2e.stock_clients import STOCK_CLIENTS, StockClient

OUT = Path(__file__).parents[1] / "out"
"""The recordings, to be listened to; not in git."""

AT_ONCE = 2
"""Calls side by side. More of them, and the recogniser is behind on two busy cores."""

INTO_IT_S = 1.3
"""How long the agent speaks when the caller does too. What it can do takes it 5 to 7 s."""

NOD = "okay"
"""Of what listeners say. eSpeak spells "mhm" out, letter by letter."""

TRIES = 3
"""A busy recogniser may mishear a question, or be too late to tell an "okay" from an interruption. Neither is what
these tests are about: the caller tries again."""

DIES_AWAY_S = 0.3
"""What a client may still play after it has told its loudspeaker to stop: nothing, but the recording has 20 ms steps
and a busy machine."""

KNOWN = re.compile("resume_false_interruption is enabled but audio output does not support pause")
"""LiveKit's warning about the loudspeaker of this room, which cannot pause."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the call, in seconds of the recording."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of a call when it is over."""

    client: StockClient
    room: Room
    session_id: UUID
    answer: Stretch
    nodded: Stretch
    """From the "okay" over the agent's words to their end."""
    barged_in: Stretch
    """From the user's question over the agent's words to the end of the answer to it."""
    complaints: Sequence[str]
    """What it wrote to stderr."""

    def told(self, kind: str, during: Stretch) -> list[str]:
        return self.room.told(kind, during.start, during.end + 1.0)

    def sound(self, during: Stretch) -> Pcm:
        return self.room.sound(during.start, during.end)


class Caller:
    """Somebody in the room, who speaks when it is quiet, or over the agent."""

    def __init__(self, room: Room, voice: Mapping[str, Pcm]) -> None:
        self._room, self._voice = room, voice

    async def ask(self, text: str) -> Stretch:
        """Say it, and hear the answer out."""
        await self._room.say(self._voice[text])
        return Stretch(self._room.now(), await self._room.until_it_is_over())

    async def speak_over(self, text: str, taken: Callable[[Stretch], bool]) -> Stretch:
        """Say it over the agent's words, and hear out what follows; again, where it was not taken for what it is."""
        for _ in range(TRIES):
            await self._begin_an_answer()
            if self._room.now() - self._room.last_sound < DIES_AWAY_S:
                start = self._room.now()
                await self._room.say(self._voice[text])
                over = Stretch(start, await self._room.until_it_is_over())
                if taken(over):
                    return over
            else:
                await self._room.until_it_is_over()
        raise AssertionError(f"{TRIES} times in vain: {self._room.brief()}")

    async def _begin_an_answer(self) -> None:
        await self._room.say(self._voice["what can you do"])
        began = await self._room.until_it_sounds(self._room.now())
        await self._room.until(lambda: self._room.now() > began + INTO_IT_S)


async def hold(
    client: StockClient,
    deployment: Deployment,
    voice: Mapping[str, Pcm],
    database: asyncpg.Connection,
    folder: Path,
) -> Call:
    """Hold the call, and see what it left behind."""
    errors = folder / f"{client.name}.stderr"
    async with Room.with_client(client.call(deployment.url), errors) as room:
        caller = Caller(room, voice)
        answer = await caller.ask("how are you today")
        nodded = await caller.speak_over(NOD, lambda over: not room.told("stop", over.start, over.end))
        barged_in = await caller.speak_over(
            "what time is it in tokyo", lambda over: "Tokyo" in " ".join(room.told("agent", over.start))
        )
    OUT.mkdir(exist_ok=True)
    write_wav(OUT / f"{client.name}.wav", room.sound())
    session_id = await database.fetchval(
        "SELECT session_id FROM voice_sessions WHERE client LIKE $1 ORDER BY started_at DESC LIMIT 1",
        f"{client.calls_itself}%",
    )
    complaints = [line for line in errors.read_text().splitlines() if line and not KNOWN.match(line)]
    return Call(client, room, session_id, answer, nodded, barged_in, complaints)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def calls(
    deployment: Deployment, voice: Voice, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Call | BaseException]:
    """A call with each of them, and what became of those that failed."""
    said = ("how are you today", "what can you do", NOD, "what time is it in tokyo")
    spoken = {text: timeline(0.1, await voice.say(text)) for text in said}
    folder = tmp_path_factory.mktemp("stock")
    places = asyncio.Semaphore(AT_ONCE)

    async def held(client: StockClient) -> Call:
        async with places:
            await asyncio.to_thread(client.set_up)
            database = await asyncpg.connect(deployment.database_url)
            try:
                return await hold(client, deployment, spoken, database, folder)
            finally:
                await database.close()

    ended = await asyncio.gather(*(held(client) for client in STOCK_CLIENTS), return_exceptions=True)
    return {client.name: call for client, call in zip(STOCK_CLIENTS, ended, strict=True)}


@pytest.fixture(params=[client.name for client in STOCK_CLIENTS])
def call(request: pytest.FixtureRequest, calls: Mapping[str, Call | BaseException]) -> Call:
    """One of them."""
    call = calls[request.param]
    if isinstance(call, BaseException):
        raise call
    return call


def test_the_client_is_the_one_that_people_use_today(
    call: Call, record_property: Callable[[str, object], None]
) -> None:
    [versions] = call.room.told("versions")
    record_property("stock client", " ".join(f"{name} {version}" for name, version in versions.items()))
    assert all(versions.values())


def test_nothing_is_an_error(call: Call) -> None:
    assert call.room.told("error") == []
    assert call.complaints == []
    assert call.room.process.returncode == 0, "it did not leave when the call was over"


def test_a_turn_by_voice_is_understood_and_answered(call: Call) -> None:
    assert call.room.told("user", 0.0, call.nodded.start)[0] == "how are you today"
    assert words(call.told("agent", call.answer)[0]) in reply_sentences("how_are_you")


def test_the_answer_sounds_and_says_what_the_transcript_says(call: Call) -> None:
    said = words(call.told("agent", call.answer)[0])
    assert recognise(call.sound(call.answer), nearest_in_length(said, small_talk_sentences())).heard == said


def test_okay_over_the_agent_does_not_stop_it(call: Call) -> None:
    assert call.room.told("stop", call.nodded.start, call.nodded.end) == []
    assert audible_s(call.sound(call.nodded)) > INTO_IT_S
    [whole] = call.told("agent", call.nodded)
    assert whole[-1] in ".?!"


def test_a_question_over_the_agent_stops_it(call: Call) -> None:
    [stopped, *_] = [
        note.at for note in call.room.notes if note.kind == "stop" and note.at >= call.barged_in.start
    ]
    quiet = call.room.sound(stopped + DIES_AWAY_S, stopped + 2 * DIES_AWAY_S)
    assert levels(quiet).max() <= AUDIBLE_DB
    [cut, *_] = call.told("agent", call.barged_in)
    assert cut[-1] not in ".?!"


def test_a_tool_is_run_and_its_result_told(call: Call) -> None:
    *_, result = call.told("agent", call.barged_in)
    assert result.startswith("It's")
    assert result.endswith("in Tokyo.")
    assert call.room.told("tool") == (["tell_time"] if call.client.shows_tools else [])


async def test_the_rows_tell_the_same(call: Call, database: asyncpg.Connection) -> None:
    async def ended() -> bool:
        [session] = await rows(database, "voice_sessions", call.session_id)
        return not session["is_active"]

    await eventually(ended)
    [session] = await rows(database, "voice_sessions", call.session_id)
    assert session["end_reason"] == call.client.hangs_up
    overs = {row["kind"] for row in await rows(database, "voice_barge_in_events", call.session_id)}
    assert overs >= {"backchannel", "barge_in"}
    [tool] = await rows(database, "voice_tool_invocations", call.session_id)
    assert (tool["action"], tool["status"]) == ("tell_time", "success")
    assert tool["result"]["response_text"] == call.told("agent", call.barged_in)[-1]
