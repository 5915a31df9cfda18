"""One call's life: what waits for the engine, what breaks, and how it ends, in every state."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest

from bridge import events as bridge
from gateway import call as calls
from gateway.calls import Opening
from gateway.conversation import Conversation
from gateway.engines.cascade import CascadeEngine
from gateway.ports import Brief, MindAway, PartAway
from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import samples
from gateway.session.injections import MOST
from gateway.session.rules import Traits
from gateway.store.rows import InjectionRow, SessionRow, TurnRow
from services.base.ids import new_id
from tests.gateway.harness import PATIENCE, EchoMind, Gateway, Watch, sound


class SlowEngine(CascadeEngine):
    """Connects when the test lets it."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__("local", EchoMind(), gateway.parts.voice)
        self.may_connect = asyncio.Event()
        self.briefs: list[Brief] = []
        self.broken: Exception | None = None

    async def connect(self, brief: Brief) -> None:
        self.briefs.append(brief)
        await self.may_connect.wait()
        if self.broken:
            raise self.broken
        await super().connect(brief)


@pytest.fixture
def engine(gateway: Gateway) -> SlowEngine:
    """The engine of every call of this gateway."""
    engine = SlowEngine(gateway)
    gateway.parts.engine = lambda: engine
    return engine


class HearingEngine(SlowEngine):
    """One that is primed with its brief, as duplex models are."""

    traits = Traits(hears=True, holds=True)

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self.may_connect.set()
        self.primed_again = asyncio.Event()

    async def connect(self, brief: Brief) -> None:
        await super().connect(brief)
        if len(self.briefs) > 1:
            self.primed_again.set()


@pytest.fixture
def hearing(gateway: Gateway) -> HearingEngine:
    engine = HearingEngine(gateway)
    gateway.parts.engine = lambda: engine
    return engine


async def test_an_engine_that_hears_is_connected_once_the_clients_instructions_are_in(
    gateway: Gateway, hearing: HearingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "SETTLES_S", 60.0)
    client, _ = await gateway.client(greeting=True)
    await client.send("session.update", session={"type": "realtime", "instructions": "Be a pirate."})
    await client.until("response.done")
    assert [brief.instructions for brief in hearing.briefs] == ["Be a pirate."]


async def test_an_engine_that_hears_waits_only_a_moment_for_instructions(
    gateway: Gateway, hearing: HearingEngine
) -> None:
    client, _ = await gateway.client(greeting=True)
    await client.until("response.done")
    assert len(hearing.briefs) == 1


async def test_another_brief_is_taken_up_when_the_user_has_done(
    gateway: Gateway, hearing: HearingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "ANSWERS_WITHIN", samples(100))
    client, ears = await gateway.client()
    await client.send("input_audio_buffer.append", audio=sound(20))
    await ears.begin("well")
    await client.send("session.update", session={"type": "realtime", "instructions": "Be a pirate."})
    await client.until("session.updated")
    call = gateway.call()
    watch = Watch(call)
    assert not call._tick()
    ears.pause()
    await watch.until(do.UserTurnEnded)
    async with asyncio.timeout(PATIENCE):
        await hearing.primed_again.wait()
    assert hearing.briefs[1].instructions == "Be a pirate."


async def test_an_engine_that_hears_answers_before_it_is_primed_anew(
    gateway: Gateway, hearing: HearingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "ANSWERS_WITHIN", samples(600_000))
    client, ears = await gateway.client()
    await client.send("input_audio_buffer.append", audio=sound(20))
    call = gateway.call()
    watch = Watch(call)
    await ears.say("how are you")
    await client.send("session.update", session={"type": "realtime", "instructions": "Be a pirate."})
    await client.until("session.updated")
    await watch.until(do.Hold, lambda hold: not hold.on)
    assert not call._tick()
    assert call.session.is_at_rest
    assert len(hearing.briefs) == 1

    sink, turn_id = calls.CallSink(call), new_id()
    sink.opened(turn_id)
    sink.sound(turn_id, b"\x00\x20" * samples(40))
    sink.finished(turn_id)
    async with asyncio.timeout(PATIENCE):
        await hearing.primed_again.wait()
    assert hearing.briefs[1].instructions == "Be a pirate."


async def test_what_is_said_before_the_engine_is_connected_is_kept(
    gateway: Gateway, engine: SlowEngine
) -> None:
    client, ears = await gateway.client()
    await client.send("input_audio_buffer.append", audio=sound(200))
    await client.text("good morning")
    await client.send("conversation.item.retrieve", item_id="item_x")
    await client.error()
    assert client.kinds() == ["session.created", "antiphon.engine", "error"]
    engine.may_connect.set()
    done = await client.until("response.done")
    assert done["response"]["output"][0]["content"][0]["transcript"] == "You said good morning"
    assert ears.heard >= 200 * 48


async def test_an_engine_that_never_connects_ends_the_call_with_the_reason(
    gateway: Gateway, engine: SlowEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(calls, "CONNECT_LIMIT_S", 0.05)
    client, _ = await gateway.client()
    await client.text("hello")
    assert (await client.error())["code"] == "engine_lost"
    assert await client.closed() == (1000, "engine_lost")
    assert "call lost its engine" in caplog.text


async def test_what_breaks_inside_ends_this_call_and_no_other(
    gateway: Gateway, engine: SlowEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.broken = RuntimeError("a fault of ours")
    client, _ = await gateway.client()
    gateway.parts.engine = lambda: CascadeEngine("local", EchoMind(), gateway.parts.voice)
    other, _ = await gateway.client()
    engine.may_connect.set()
    await client.text("hello")
    assert await client.closed() == (1000, "internal_error")
    assert "a fault of ours" in caplog.text
    await other.text("hello")
    assert (await other.until("response.done"))["response"]["status"] == "completed"


async def test_another_voice_is_taken_at_a_pause(gateway: Gateway, engine: SlowEngine) -> None:
    engine.may_connect.set()
    client, _ = await gateway.client()
    await client.text("one two three")
    await client.until("response.output_audio.delta")
    await client.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "alder"}}})
    await client.until("session.updated")
    assert len(engine.briefs) == 1
    await client.until("response.done")
    await client.text("hello")
    await client.until("response.done")
    assert [brief.voice.name for brief in engine.briefs][1:] == ["alder"]


class LostMind:
    """Is gone after its first word."""

    name = "lost"

    async def answer(self, conversation: Conversation, instructions: str) -> AsyncGenerator[str, None]:
        yield "Well."
        raise MindAway("no server there")


async def test_a_mind_that_is_away_is_said_to_be(gateway: Gateway) -> None:
    gateway.parts.engine = lambda: CascadeEngine("local", LostMind(), gateway.parts.voice)
    client, _ = await gateway.client()
    await client.text("hello")
    failed = (await client.until("response.done"))["response"]
    assert failed["status"] == "failed"
    assert failed["status_details"]["error"]["code"] == "mind_away"
    said = (await client.until("response.done"))["response"]
    phrases = gateway.call().profile.brief.persona.phrases.unavailable
    assert said["output"][0]["content"][0]["transcript"] in phrases


async def test_a_voice_that_is_lost_for_good_fails_the_turn_and_the_next_one_is_spoken(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    voice = gateway.parts.voice
    spoken, lost = voice.speak, 3

    async def speak(text: str, wanted: object) -> AsyncIterator[object]:
        nonlocal lost
        if lost:
            lost -= 1
            raise PartAway("no synthesizer")
        async for piece in spoken(text, wanted):  # type: ignore[arg-type]
            yield piece

    voice.speak = speak  # type: ignore[method-assign, assignment]
    client, _ = await gateway.client()
    await client.text("hello")
    failed = (await client.until("response.done"))["response"]
    assert (failed["status"], failed["status_details"]["error"]["code"]) == ("failed", "part_away")
    await client.text("hello")
    assert (await client.until("response.done"))["response"]["status"] == "completed"


async def test_a_bridge_that_hangs_keeps_nobody_from_hanging_up(gateway: Gateway) -> None:
    async def script(utterance: bridge.Utterance) -> AsyncIterator[bridge.BridgeEvent]:
        await asyncio.Event().wait()
        yield bridge.LeftToMind(utterance.turn_id)

    gateway.parts.bridge.script = script
    client, _ = await gateway.client()
    watch = Watch(gateway.call())
    await client.text("hello")
    await watch.until(do.AnswerWanted)
    await client.socket.close()
    await gateway.over()
    assert watch.end_reason == "client_closed"
    assert gateway.parts.bridge.closed


STATES = ["before its first use", "while it connects", "idle", "while the user speaks", "while it speaks"]


@pytest.mark.parametrize("state", STATES)
async def test_a_call_ends_in_every_state_and_leaves_nothing_behind(
    gateway: Gateway, engine: SlowEngine, state: str
) -> None:
    before = asyncio.all_tasks()
    call = gateway.calls.open(Opening("local"))
    watch = Watch(call)
    ears = gateway.parts.ears[call.session_id]
    if state != STATES[0]:
        call.start()
    if state not in STATES[:2]:
        engine.may_connect.set()
        async with asyncio.timeout(PATIENCE):
            await ears.running.wait()
    if state == "while the user speaks":
        await ears.begin("hello")
    if state == "while it speaks":
        call.say("one two three four five")
        await watch.until(do.AgentSounded)
    await gateway.calls.end(call.session_id, "hung_up")
    assert watch.end_reason == "hung_up"
    assert gateway.parts.bridge.closed
    assert gateway.calls.free == gateway.calls.most
    assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()
    last = gateway.rows[-1]
    assert isinstance(last, SessionRow)
    assert (last.is_active, last.end_reason) == (False, "hung_up")
    if state == "while it speaks":
        ended = [fact for fact in watch.facts if isinstance(fact, do.AgentEnded)]
        assert [fact.status for fact in ended] == ["cancelled"]


async def test_after_the_end_nothing_happens(gateway: Gateway) -> None:
    session = await gateway.session()
    call = gateway.call(session)
    call.say("hello")
    await gateway.calls.end(call.session_id, "hung_up")
    rows = len(gateway.rows)
    call.feed(on.TextGiven(call.now(), UUID(int=1), "too late"))
    call.hear(bytes(960))
    call.commit()
    assert len(gateway.rows) == rows


async def test_the_first_reason_to_end_counts(gateway: Gateway) -> None:
    call = gateway.call(await gateway.session())
    call.end("hung_up")
    call.end("client_lost")
    await gateway.over()
    assert call.end_reason == "hung_up"


async def test_a_listener_that_breaks_at_the_end_leaves_no_call_open(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Watch):
        def ended(self, reason: str) -> None:
            raise RuntimeError("a fault of ours")

    call = gateway.call(await gateway.session())
    Broken(call)
    await gateway.calls.end(call.session_id, "hung_up")
    assert "call did not end in order" in caplog.text
    assert gateway.parts.bridge.closed
    assert gateway.calls.free == gateway.calls.most


async def test_after_a_stall_no_ticks_are_made_up(gateway: Gateway) -> None:
    await gateway.client()
    call = gateway.call()
    call.say("one two three four five six")
    watch = Watch(call)
    await watch.until(do.AgentSounded)
    # As a long step of somebody else's in the same loop would.
    call._t0 -= 1.0
    sent = call.session.agent.playout.backlog
    await watch.until(do.AgentEnded)
    pieces = [len(piece.pcm) // 2 for piece in watch.sounds]
    assert max(pieces) <= samples(200)
    assert sum(pieces) == samples(1200)
    assert sent > 0


async def test_the_engine_is_not_asked_for_more_than_ten_seconds_ahead(gateway: Gateway) -> None:
    await gateway.client()
    call = gateway.call()
    watch = Watch(call)
    call.say("word " * 200)
    await watch.until(do.AgentSounded)
    assert not call.session.has_room
    ahead = call.session.agent.playout.backlog
    assert ahead <= samples(10_500)
    call.feed(on.CancelAsked(call.now()))
    await watch.until(do.AgentEnded)
    watch.facts.clear()
    call.say("short")
    await watch.until(do.AgentSounded)
    assert gateway.parts.voice.spoken[-1] == "short"


async def test_a_change_of_manners_is_in_the_session_s_row(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.send("antiphon.engine", input_mode="push_to_talk")
    await client.text("hello")
    await client.until("response.created")
    modes = [row.input_mode for row in gateway.rows if isinstance(row, SessionRow)]
    assert modes[-1] == "push_to_talk"


async def test_every_turn_of_a_call_has_a_place_of_its_own(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    for _ in range(2):
        await client.text("hello")
        await client.until("response.done")
    places = [row.seq for row in gateway.rows if isinstance(row, TurnRow) and isinstance(row.seq, int)]
    assert places == [1, 2, 3, 4]


async def test_a_brief_that_did_not_change_connects_nobody_anew(gateway: Gateway, engine: SlowEngine) -> None:
    engine.may_connect.set()
    client, _ = await gateway.client()
    call = gateway.call()
    for _ in range(2):
        await client.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
        await client.until("session.updated")
    await client.text("hello")
    await client.until("response.done")
    assert engine.briefs[-1] == replace(call.profile.brief, instructions="Be brief.")
    assert len(engine.briefs) == 1


async def test_an_ended_call_takes_no_text_that_would_wait_for_ever(gateway: Gateway) -> None:
    call = gateway.calls.open(Opening("ann"))
    call.end("client_closed")
    with pytest.raises(calls.SessionEnded):
        call.say("tea is ready")
    await gateway.over()
    assert not any(isinstance(row, InjectionRow) for row in gateway.rows)


async def test_more_texts_than_anybody_would_listen_to_are_an_error_of_the_client_s(
    gateway: Gateway, engine: SlowEngine
) -> None:
    client, _ = await gateway.client()
    for _ in range(MOST):
        gateway.call().say("tea is ready")
    await client.send("response.create", response={"instructions": "the cake too"})
    assert (await client.error())["code"] == "queue_full"
