"""A call of the duplex engine with a scripted speech server, stock and ours."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import aiohttp
import pytest

from gateway.engines.personaplex import engine as module
from gateway.engines.personaplex import line as line_module
from gateway.engines.personaplex.engine import PersonaPlexEngine
from gateway.engines.personaplex.line import MOST_GARBAGE, SILENT_LIMIT, LineLost
from gateway.engines.personaplex.responses import FRAME, QUIET_FRAMES, TAIL_FRAMES
from gateway.engines.personaplex.servers import Servers
from gateway.ports import Brief, PartAway
from gateway.session.clock import BYTES
from personas.loader import load
from services.base.ids import new_id
from services.speech.protocol import Error, encode
from tests.contract.test_engines import Recording, Turn
from tests.doubles.speech_server import SpeechServer, tone
from tests.gateway.harness import PATIENCE, EchoMind, TestVoice

PAUSE = QUIET_FRAMES + 2
"""Opus rings: its first frame of silence is not quiet."""

SILENCE = bytes(FRAME * BYTES)


class Counting(Recording):
    """Counts the frames that the engine made something of: it asks for room before each."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = 0

    async def room(self) -> None:
        await super().room()
        self.frames += 1
        self._fresh.set()

    async def given(self, frames: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.frames < frames:
                self._fresh.clear()
                await self._fresh.wait()


class Talk:
    """The engine at work, its server, and what came of its turns."""

    def __init__(self, engine: PersonaPlexEngine, server: SpeechServer, brief: Brief) -> None:
        self.engine, self.server, self.brief = engine, server, brief
        self.sink = Counting()
        self.work = asyncio.create_task(engine.run(self.sink))

    def hears(self, frames: int, loud: bool = False) -> None:
        """The user is silent, or not, for so many frames: the model says as many."""
        for _ in range(frames):
            self.engine.hear(tone() if loud else SILENCE)

    async def turn(self, number: int) -> Turn:
        """The nth turn, once it is over."""
        return await self.sink.whole(await self.opened(number))

    async def opened(self, number: int) -> UUID:
        return await self.sink.nth(number)


@pytest.fixture(params=["ours", "stock"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[SpeechServer]:
    async with SpeechServer(ours=request.param == "ours", slots=1) as server:
        yield server


@pytest.fixture
async def talk(server: SpeechServer) -> AsyncIterator[Talk]:
    catalogue = load()
    persona = catalogue.default
    brief = Brief(persona, catalogue.voice(persona.voice), "en", persona.prompt)
    async with aiohttp.ClientSession() as http:
        engine = PersonaPlexEngine(Servers(http, [server.url], ""), EchoMind(), TestVoice(), new_id)
        await engine.connect(brief)
        talk = Talk(engine, server, brief)
        yield talk
        talk.work.cancel()
        await asyncio.wait({talk.work})
        await server.has(0)


async def test_what_it_says_by_itself_is_a_turn_with_its_words(talk: Talk) -> None:
    talk.server.says("hello there", frames=3)
    talk.hears(20)
    turn = await talk.turn(0)
    assert turn.finished
    assert turn.text == "hello there"
    # Opus' silence behind a tone is not quiet at once.
    assert 0 <= turn.samples // FRAME - (6 + TAIL_FRAMES) <= 1
    assert [word.start // FRAME for word in turn.words] == [0, 3]


async def test_it_says_nothing_while_the_model_says_nothing(talk: Talk) -> None:
    talk.hears(30)
    await talk.sink.given(30)
    assert talk.sink.turns == {}


async def test_one_response_after_the_other(talk: Talk) -> None:
    talk.server.says("one")
    talk.server.pauses(PAUSE)
    talk.server.says("two")
    talk.hears(30)
    assert [(await talk.turn(number)).text for number in (0, 1)] == ["one", "two"]


async def test_sound_of_any_length_reaches_the_model_in_frames(talk: Talk) -> None:
    for _ in range(100):
        talk.engine.hear(tone()[:1000])
    await talk.server.has(1, frames=100_000 // (FRAME * BYTES))


async def test_what_the_user_says_reaches_the_model(talk: Talk) -> None:
    talk.hears(5)
    talk.hears(10, loud=True)
    talk.hears(5)
    (caller,) = await talk.server.has(1, frames=20)
    assert 10 <= caller.loud <= 11


async def test_of_a_turn_that_is_cancelled_nothing_more_comes_until_the_model_was_quiet(talk: Talk) -> None:
    talk.server.says("one two three four five six", frames=3)
    talk.hears(4)
    first = await talk.opened(0)
    turn = await talk.sink.until(first, lambda turn: turn.samples >= FRAME)
    talk.engine.cancel(first, "one")
    before = turn.samples
    talk.server.pauses(PAUSE)
    talk.server.says("seven")
    talk.hears(50)
    assert (await talk.turn(1)).text == "seven"
    assert turn.samples == before
    assert not turn.finished


async def test_what_it_says_while_held_is_given_when_the_answer_is_left_to_it(talk: Talk) -> None:
    talk.engine.hold(True)
    talk.server.says("I am well")
    talk.hears(30)
    await talk.sink.given(30)
    assert talk.sink.turns == {}
    talk.engine.hold(False)
    assert (await talk.turn(0)).text == "I am well"
    ((text, sounded, dropped),) = talk.sink.held
    assert text.startswith("I am")
    assert sounded >= 9 * FRAME
    assert not dropped


async def test_what_it_says_while_held_is_dropped_to_its_end_when_it_is_not_wanted(talk: Talk) -> None:
    talk.engine.hold(True)
    talk.server.says("the wrong answer")
    talk.hears(4)
    await talk.sink.given(4)
    talk.engine.hold(False, drop=True)
    talk.hears(30)
    await talk.sink.given(34)
    talk.server.says("right")
    talk.hears(20)
    assert (await talk.turn(0)).text == "right"
    assert len(talk.sink.turns) == 1
    ((text, sounded, dropped),) = talk.sink.held
    assert "the wrong answer".startswith(text)
    assert sounded >= 3 * FRAME
    assert dropped


async def test_a_turn_that_began_before_the_hold_ends_where_it_is_not_wanted(talk: Talk) -> None:
    talk.server.says("one two three four", frames=4)
    talk.hears(6)
    first = await talk.opened(0)
    turn = await talk.sink.until(first, lambda turn: turn.samples >= 3 * FRAME)
    talk.engine.hold(True)
    before = turn.samples
    talk.hears(20)
    await talk.sink.given(26)
    talk.engine.hold(False, drop=True)
    assert (await talk.turn(0)).finished
    assert turn.samples <= before + 3 * FRAME


async def test_our_server_is_told_of_a_hold_and_a_stock_one_is_not(talk: Talk) -> None:
    talk.engine.hold(True)
    talk.hears(3)
    (caller,) = await talk.server.has(1, frames=3)
    talk.engine.hold(False)
    talk.hears(3)
    await talk.server.has(1, frames=6)
    orders = [{"type": "hold", "on": True}, {"type": "hold", "on": False}]
    assert caller.orders == (orders if talk.server.ours else [])


async def test_a_server_that_does_not_hold_is_muted_and_asked_no_more(talk: Talk) -> None:
    (caller,) = await talk.server.has(1)
    talk.engine.hold(True)
    await talk.server.sends(encode(Error("not_held", "this server does not hold yet")))
    talk.server.says("the wrong answer")
    talk.hears(12)
    await talk.sink.given(12)
    assert talk.sink.turns == {}
    talk.engine.hold(False, drop=True)
    talk.engine.hold(True)
    talk.hears(3)
    await talk.server.has(1, frames=15)
    assert caller.orders in ([], [{"type": "hold", "on": True}])


async def test_a_model_that_is_held_for_too_long_is_heard_no_more_of(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WITHHELD", 3 * FRAME)
    talk.engine.hold(True)
    talk.server.says("one two three four")
    talk.hears(30)
    await talk.sink.given(30)
    talk.engine.hold(False)
    talk.server.says("five")
    talk.hears(30)
    assert (await talk.turn(0)).text == "five"


async def test_another_brief_is_taken_up_with_another_line(talk: Talk) -> None:
    talk.hears(5)
    await talk.server.has(1, frames=5)
    await talk.engine.connect(replace(talk.brief, instructions="Speak like a pirate."))
    await talk.server.serves(2)
    talk.server.says("ahoy")
    talk.hears(30)
    assert (await talk.turn(0)).text == "ahoy"
    prompts = [caller.query["text_prompt"] for caller in talk.server.callers]
    assert [prompt[:12] for prompt in prompts] == [talk.brief.instructions[:12], "Speak like a"]
    assert len(talk.server.live) == 1


async def test_what_is_said_while_the_line_changes_is_kept(talk: Talk) -> None:
    await talk.server.has(1)
    talk.server.shakes_hands = False
    await talk.engine.connect(replace(talk.brief, instructions="Speak like a pirate."))
    await talk.server.came(2)
    talk.hears(10, loud=True)
    talk.server.shakes_hands_now()
    (caller,) = await talk.server.has(1, frames=10)
    assert caller is talk.server.callers[1]
    assert caller.loud == 10


async def test_a_lost_server_is_called_again_and_the_turn_has_failed(talk: Talk) -> None:
    talk.server.says("one two three four five")
    talk.hears(4)
    first = await talk.opened(0)
    await talk.sink.until(first, lambda turn: turn.samples >= FRAME)
    await talk.server.dies()
    assert (await talk.turn(0)).failed == "line_lost"
    await talk.server.serves(2)
    talk.server.says("here again")
    talk.hears(30)
    assert (await talk.turn(1)).text == "here again"


async def test_a_server_that_is_lost_twice_is_lost_for_good(talk: Talk) -> None:
    await talk.server.has(1)
    await talk.server.dies()
    await talk.server.serves(2)
    await talk.server.dies()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LineLost):
            await talk.work


async def test_a_server_that_is_gone_is_lost_for_good(talk: Talk) -> None:
    await talk.server.has(1)
    talk.server.refuses = 503
    await talk.server.dies()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(PartAway, match="no speech server took the call"):
            await talk.work


GARBAGE = [b"", b"\x09", b"\x04{", b"\x04[]", b"\x03\xff", bytes([1] * 100_000)]


async def test_garbage_is_passed_over(talk: Talk) -> None:
    await talk.server.has(1)
    for message in GARBAGE:
        await talk.server.sends(message)
    talk.server.says("all the same")
    talk.hears(30)
    assert (await talk.turn(0)).text == "all the same"


async def test_nothing_but_garbage_is_no_speech_server(talk: Talk) -> None:
    await talk.server.has(1)
    for _ in range(MOST_GARBAGE + 1):
        await talk.server.sends(b"\x04{")
    await talk.server.came(2)


COMPLAINT = b"\x05too_slow: the device fell behind"


async def test_a_complaint_of_the_servers_ends_nothing(talk: Talk) -> None:
    await talk.server.has(1)
    await talk.server.sends(COMPLAINT)
    talk.server.says("all the same")
    talk.hears(30)
    assert (await talk.turn(0)).text == "all the same"


async def test_what_the_server_said_before_it_hung_up_is_told(talk: Talk) -> None:
    for callers in (1, 2):
        await talk.server.serves(callers)
        await talk.server.sends(COMPLAINT)
        await talk.server.hangs_up()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LineLost, match="having said too_slow: the device fell behind"):
            await talk.work


async def test_what_was_kept_while_the_line_changed_is_sent_at_once(talk: Talk) -> None:
    await talk.server.has(1)
    talk.server.shakes_hands = False
    await talk.engine.connect(replace(talk.brief, instructions="Speak like a pirate."))
    await talk.server.came(2)
    frames = module.KEPT // FRAME
    talk.hears(frames, loud=True)
    talk.server.shakes_hands_now()
    (caller,) = await talk.server.has(1, frames=frames - 1)
    assert caller is talk.server.callers[1]


async def test_a_server_that_stands_still_is_a_loss(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "SILENT_LIMIT_S", 0.0)
    (caller,) = await talk.server.has(1)
    talk.server.stands_still = True
    talk.hears(SILENT_LIMIT // FRAME + 3)
    await talk.server.came(2)
    assert caller.heard == 0


async def test_of_the_users_sound_the_newest_is_kept_while_nobody_takes_it(
    server: SpeechServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 5 * FRAME)
    catalogue = load()
    persona = catalogue.default
    async with aiohttp.ClientSession() as http:
        engine = PersonaPlexEngine(Servers(http, [server.url], ""), EchoMind(), TestVoice(), new_id)
        await engine.connect(Brief(persona, catalogue.voice(persona.voice), "en", persona.prompt))
        for _ in range(20):
            engine.hear(SILENCE)
        for _ in range(5):
            engine.hear(tone())
        work = asyncio.create_task(engine.run(Recording()))
        (caller,) = await server.has(1, frames=5)
        assert caller.loud == caller.heard == 5
        work.cancel()
        await asyncio.wait({work})
        await server.has(0)
