"""What every engine must do: speak what it is told, word by word, and stop when it is told to."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from uuid import UUID

import aiohttp
import numpy as np
import pytest

from gateway.conversation import Conversation, Line
from gateway.engines.cascade import PAUSE, CascadeEngine
from gateway.engines.personaplex.engine import PersonaPlexEngine
from gateway.engines.personaplex.responses import FRAME
from gateway.engines.personaplex.servers import Servers
from gateway.ports import Brief, Engine, PartAway, PartRefused, Sound
from gateway.session.clock import BYTES, RATE, samples
from gateway.session.events import Word
from personas.loader import load
from personas.model import Voice
from services.base.ids import new_id
from tests.doubles.speech_server import SpeechServer
from tests.doubles.toy_server import serving_toy
from tests.gateway.harness import EchoMind, TestVoice

PATIENCE = 20.0
WORD = samples(200)


@dataclass
class Turn:
    """What came of one turn."""

    sound: bytearray = field(default_factory=bytearray)
    words: list[Word] = field(default_factory=list)
    finished: bool = False
    failed: str | None = None

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def samples(self) -> int:
        return len(self.sound) // BYTES


class Recording:
    """A sink that keeps everything, and may be full."""

    def __init__(self) -> None:
        self.turns: dict[UUID, Turn] = {}
        self.held: list[tuple[str, int, bool]] = []
        """What was said while it was held: words, samples, and whether it is dropped."""
        self.has_room = asyncio.Event()
        self.has_room.set()
        self._fresh = asyncio.Event()

    def _turn(self, turn_id: UUID) -> Turn:
        self._fresh.set()
        return self.turns.setdefault(turn_id, Turn())

    def opened(self, turn_id: UUID) -> None:
        self._turn(turn_id)

    def sound(self, turn_id: UUID, pcm: bytes, words: tuple[Word, ...] = ()) -> None:
        turn = self._turn(turn_id)
        turn.sound += pcm
        turn.words += words

    def finished(self, turn_id: UUID) -> None:
        self._turn(turn_id).finished = True

    def failed(self, turn_id: UUID, code: str, message: str) -> None:
        self._turn(turn_id).failed = code

    def withheld(self, text: str, samples: int, dropped: bool) -> None:
        self.held.append((text, samples, dropped))
        self._fresh.set()

    async def room(self) -> None:
        await self.has_room.wait()

    async def until(self, turn_id: UUID, condition: Callable[[Turn], object]) -> Turn:
        async with asyncio.timeout(PATIENCE):
            while turn_id not in self.turns or not condition(self.turns[turn_id]):
                self._fresh.clear()
                await self._fresh.wait()
        return self.turns[turn_id]

    async def nth(self, number: int) -> UUID:
        """The id of the nth turn, once it has begun."""
        async with asyncio.timeout(PATIENCE):
            while len(self.turns) <= number:
                self._fresh.clear()
                await self._fresh.wait()
        return list(self.turns)[number]

    async def whole(self, turn_id: UUID) -> Turn:
        """The turn once it has ended, well or not."""
        return await self.until(turn_id, lambda turn: turn.finished or turn.failed)


def is_ours(task: asyncio.Task[object]) -> bool:
    """Whether the engine made it, and not its server, which is in this process too."""
    return task.get_name().startswith(("personaplex", "speak"))


@pytest.fixture
def voice() -> TestVoice:
    return TestVoice()


@pytest.fixture(params=["cascade", "personaplex, ours", "personaplex, stock", "personaplex, the toy"])
async def engine(request: pytest.FixtureRequest, voice: TestVoice) -> AsyncIterator[Engine]:
    """Each adapter in turn."""
    if request.param == "cascade":
        yield CascadeEngine("local", EchoMind(), voice)
        return
    if request.param.endswith("the toy"):
        async with serving_toy() as toy, aiohttp.ClientSession() as http:
            engine = PersonaPlexEngine(Servers(http, [toy.url], ""), EchoMind(), voice, new_id)
            yield engine
            await engine.close()
            await toy.is_empty()
        return
    async with (
        SpeechServer(ours=request.param.endswith("ours")) as server,
        aiohttp.ClientSession() as http,
    ):
        servers = Servers(http, [server.url], "")
        engine = PersonaPlexEngine(servers, EchoMind(), voice, new_id)
        server.says("hello there")
        yield engine
        await engine.close()
        # Whatever became of the call, its slot is free.
        await server.has(0)


@pytest.fixture
def sink() -> Recording:
    return Recording()


@pytest.fixture
async def running(engine: Engine, sink: Recording) -> AsyncIterator[Engine]:
    """The engine, connected and at work."""
    catalogue = load()
    persona = catalogue.default
    await engine.connect(Brief(persona, catalogue.voice(persona.voice), "en", persona.prompt))
    work = asyncio.create_task(engine.run(sink))
    yield engine
    assert not work.done(), work
    work.cancel()
    await asyncio.wait({work})


async def test_it_says_what_it_is_told(running: Engine, sink: Recording) -> None:
    turn_id = new_id()
    running.speak(turn_id, "one two three")
    turn = await sink.whole(turn_id)
    assert turn.finished
    assert turn.text == "one two three"
    assert np.abs(np.frombuffer(turn.sound, "<i2").astype(int)).max() > 1000
    assert [word.start for word in turn.words] == sorted(word.start for word in turn.words)
    assert turn.words[-1].end <= turn.samples


async def test_it_answers_what_was_said_last(running: Engine, sink: Recording) -> None:
    conversation, turn_id = Conversation(), new_id()
    conversation.add(Line(new_id(), "user", "good morning"))
    running.answer(turn_id, conversation)
    assert "good morning" in (await sink.whole(turn_id)).text


async def test_one_turn_after_the_other(running: Engine, sink: Recording) -> None:
    for text in ("one", "two", "three"):
        turn_id = new_id()
        running.speak(turn_id, text)
        assert (await sink.whole(turn_id)).text == text


async def test_what_it_was_told_before_it_ran_is_said(engine: Engine, sink: Recording) -> None:
    catalogue = load()
    persona = catalogue.default
    await engine.connect(Brief(persona, catalogue.voice(persona.voice), "en", persona.prompt))
    turn_id = new_id()
    engine.speak(turn_id, "one")
    work = asyncio.create_task(engine.run(sink))
    assert (await sink.whole(turn_id)).text == "one"
    work.cancel()
    await asyncio.wait({work})


async def test_it_waits_while_there_is_no_room_and_a_cancel_frees_it(
    running: Engine, sink: Recording
) -> None:
    first, second = new_id(), new_id()
    sink.has_room.clear()
    running.speak(first, "one two three")
    running.cancel(first, "")
    sink.has_room.set()
    running.speak(second, "four")
    assert (await sink.whole(second)).text == "four"
    assert first not in sink.turns or not sink.turns[first].finished


async def test_of_a_turn_that_is_cancelled_nothing_more_comes(
    running: Engine, sink: Recording, voice: TestVoice
) -> None:
    first, second = new_id(), new_id()
    may_go_on = asyncio.Event()
    voice.after_first = may_go_on.wait
    running.speak(first, "one two three")
    turn = await sink.until(first, lambda turn: turn.samples)
    running.cancel(first, "one")
    before = turn.samples
    voice.after_first = None
    may_go_on.set()
    running.speak(second, "four")
    await sink.whole(second)
    assert turn.samples == before
    assert not turn.finished
    assert turn.failed is None


async def test_a_turn_that_is_cancelled_before_it_began_is_never_said(
    running: Engine, sink: Recording
) -> None:
    first, second = new_id(), new_id()
    running.speak(first, "one")
    running.cancel(first, "")
    running.speak(second, "two")
    await sink.whole(second)
    assert first not in sink.turns


async def test_cancelling_a_turn_that_is_over_harms_no_other(running: Engine, sink: Recording) -> None:
    first, second = new_id(), new_id()
    running.speak(first, "one")
    await sink.whole(first)
    running.speak(second, "two")
    running.cancel(first, "one")
    assert (await sink.whole(second)).finished


@pytest.mark.parametrize("state", ["idle", "speaking", "without room"])
async def test_it_can_be_stopped_in_every_state(engine: Engine, sink: Recording, state: str) -> None:
    before = asyncio.all_tasks()
    catalogue = load()
    persona = catalogue.default
    await engine.connect(Brief(persona, catalogue.voice(persona.voice), "en", persona.prompt))
    work = asyncio.create_task(engine.run(sink))
    if state != "idle":
        turn_id = new_id()
        if state == "without room":
            sink.has_room.clear()
        engine.speak(turn_id, "one two three")
        if state == "speaking":
            await sink.until(turn_id, lambda turn: turn.samples)
    work.cancel()
    await asyncio.wait({work}, timeout=PATIENCE)
    assert work.cancelled()
    assert not [task for task in asyncio.all_tasks() - before if is_ours(task)]


async def test_one_that_hears_opens_turns_by_itself_and_no_other_does(
    running: Engine, sink: Recording
) -> None:
    for _ in range(10):
        running.hear(bytes(FRAME * BYTES))
    if running.traits.hears:
        turn = await sink.until(await sink.nth(0), lambda turn: turn.samples >= FRAME)
        assert turn.failed is None
    ordered = new_id()
    running.speak(ordered, "one")
    assert (await sink.whole(ordered)).text == "one"
    assert len(sink.turns) == 1 + running.traits.hears


# The cascade's own.


async def test_sentences_have_a_pause_between_them_and_words_keep_their_places(
    running: Engine, sink: Recording
) -> None:
    turn_id = new_id()
    running.speak(turn_id, "One two. Three.")
    turn = await sink.whole(turn_id)
    assert [(word.text, word.start) for word in turn.words] == [
        ("One", 0),
        ("two.", WORD),
        ("Three.", 2 * WORD + PAUSE),
    ]
    assert turn.samples == 3 * WORD + PAUSE
    pcm = np.frombuffer(turn.sound, "<i2")
    assert not pcm[2 * WORD : 2 * WORD + PAUSE].any()


async def test_a_voice_that_is_lost_goes_on_at_the_word(
    running: Engine, sink: Recording, voice: TestVoice
) -> None:
    turn_id = new_id()
    voice.breaks_after = 2
    running.speak(turn_id, "one two three")
    turn = await sink.whole(turn_id)
    assert voice.spoken == ["one two three", "three"]
    assert turn.text == "one two three"
    assert turn.words[-1].start == 2 * WORD


class Broken:
    """A voice that raises, and is asked how often."""

    def __init__(self, error: Exception) -> None:
        self.error, self.asked = error, 0

    async def speak(self, text: str, voice: Voice) -> AsyncGenerator[Sound, None]:
        self.asked += 1
        if self.error:
            raise self.error
        yield Sound(bytes(RATE), ())

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "code", "asked"),
    [
        (PartAway("gone"), "part_away", 3),
        (PartRefused("text_too_long"), "part_refused", 1),
        (RuntimeError("a fault of ours"), "internal_error", 1),
    ],
)
async def test_what_goes_wrong_ends_the_turn_and_not_the_engine(
    sink: Recording, error: Exception, code: str, asked: int
) -> None:
    voice, catalogue = Broken(error), load()
    engine = CascadeEngine("local", EchoMind(), voice)
    persona = catalogue.default
    await engine.connect(Brief(persona, catalogue.voice(persona.voice), "en", persona.prompt))
    work = asyncio.create_task(engine.run(sink))
    turn_id = new_id()
    engine.speak(turn_id, "one")
    assert (await sink.whole(turn_id)).failed == code
    assert voice.asked == asked
    assert not work.done()
    work.cancel()
    await asyncio.wait({work})
