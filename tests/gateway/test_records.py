"""What a call leaves in a real Postgres: every row in place, none refused, and REST shows them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest_asyncio

from bridge import events as bridge
from bridge.events import Intent
from bridge.ledger import Status
from gateway.engines.cascade import CascadeEngine
from gateway.ports import Brief
from gateway.session import effects as do
from gateway.session import events as on
from gateway.store import outbox
from gateway.store.store import Store
from services.base.ids import new_id
from tests.gateway.harness import PATIENCE, Client, EchoMind, Gateway, ScriptedEars, Watch, sound
from tests.gateway.samples import finished_invocation

Script = Callable[[bridge.Utterance], AsyncIterator[bridge.BridgeEvent]]


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with Store.open(database_url, "test", ledger_limit=PATIENCE) as store:
        yield store


@pytest_asyncio.fixture
async def stored(store: Store) -> AsyncIterator[Gateway]:
    """A gateway that writes to a real database, whose bridge does as the real one does."""
    async with Gateway(store=store) as gateway:
        gateway.parts.bridge.script = deeds(store)
        yield gateway


def deeds(store: Store) -> Script:
    """Decides, and does what it is told to: `tool …` through the ledger, all else is the mind's."""

    async def script(utterance: bridge.Utterance) -> AsyncIterator[bridge.BridgeEvent]:
        wish = utterance.text.startswith("tool")
        intent = Intent.ACTION if wish else Intent.CHITCHAT
        yield bridge.IntentDecided(utterance.turn_id, intent, 0.9, 1.5, "nearest")
        if not wish:
            yield bridge.LeftToMind(utterance.turn_id)
            return
        done = finished_invocation(utterance)
        asked = replace(
            done, status=Status.REQUESTED, started_at=None, completed_at=None, latency_ms=None, result=None
        )
        yield bridge.InvocationChanged(await store.ledger.request(asked))
        running = replace(asked, status=Status.RUNNING, started_at=datetime.now(UTC))
        await store.ledger.advance(running)
        yield bridge.InvocationChanged(running)
        await store.ledger.advance(done)
        yield bridge.InvocationChanged(done)
        yield bridge.Reply(utterance.turn_id, "It is noon.", "tool", done.invocation_id)

    return script


def refused() -> float:
    """Rows that Postgres would not take, in this process so far."""
    return sum(
        s.value for metric in outbox.FAILED.collect() for s in metric.samples if s.name.endswith("_total")
    )


async def responses(client: Client, count: int) -> list[str]:
    """The status of the next `count` responses."""
    return [(await client.until("response.done"))["response"]["status"] for _ in range(count)]


async def talk(client: Client, ears: ScriptedEars, watch: Watch) -> None:
    """A call with every kind of turn."""
    await client.send("input_audio_buffer.append", audio=sound(20))
    await ears.say("hello there")
    await responses(client, 1)
    await client.text("tool what time is it")
    await responses(client, 1)
    # A cough: nothing was understood.
    await ears.begin()
    ears.pause()
    await client.until("conversation.item.input_audio_transcription.completed", transcript="")
    # Over the agent: a murmur, a noise, and words.
    await client.text("one two three four five six seven eight nine ten")
    await client.until("response.output_audio.delta")
    await ears.say("mhm")
    await client.until("conversation.item.input_audio_transcription.completed", transcript="mhm")
    await ears.begin()
    ears.pause()
    await client.until("antiphon.barge_in", kind="false_alarm")
    await ears.begin("stop")
    assert await responses(client, 1) == ["cancelled"]
    # The murmur and the noise were never announced; what is taken back never ends.
    ears.pause()
    await client.until("conversation.item.input_audio_transcription.completed", transcript="stop")
    await responses(client, 1)
    await ears.begin("never mind this")
    await client.send("input_audio_buffer.clear")
    ears.pause()
    # What nobody hears any more: one text waits, one is spoken, one never had the time.
    await client.send("response.create", response={"instructions": "Said at the end of the call."})
    await client.until("response.output_audio.delta")


async def test_a_call_with_every_kind_of_turn_leaves_every_row(stored: Gateway, store: Store) -> None:
    before = refused()
    client, ears = await stored.client()
    call = stored.call()
    watch = Watch(call)
    async with asyncio.timeout(3 * PATIENCE):
        await talk(client, ears, watch)
    call.say("waits for ever", expires_in_s=600, key="tea")
    call.say("expires at once", expires_in_s=0.001)
    call.feed(on.Tick(call.now() + 2400))
    spoken = [fact for fact in watch.facts if isinstance(fact, do.AgentEnded) and fact.status == "completed"]
    call.feed(on.PlaybackReported(call.now(), spoken[-1].turn_id, 2400))
    await client.socket.close()
    await stored.over()
    assert await store.outbox.flush(PATIENCE)
    assert refused() == before

    path = f"/api/mas/voice/sessions/{call.session_id}"
    _, session = await stored.ask("GET", path)
    assert (session["is_active"], session["end_reason"]) == (False, "client_closed")
    assert_turns(session, watch)
    assert_rest(session)
    _, log = await stored.ask("GET", f"{path}/events?limit=2000")
    assert [event["seq"] for event in log["events"]] == list(range(1, len(log["events"]) + 1))
    _, page = await stored.ask("GET", "/api/mas/voice/sessions?active=false")
    listed = page["sessions"][0]
    assert listed["session_id"] == str(call.session_id)
    assert listed["counts"]["tool_invocations"] == 1


def assert_turns(session: dict[str, Any], watch: Watch) -> None:
    turns = {UUID(turn["turn_id"]): turn for turn in session["turns"]}
    assert [turn["seq"] for turn in session["turns"]] == list(range(1, len(turns) + 1))
    for fact in watch.facts:
        match fact:
            case do.UserTurnEnded():
                assert turns[fact.turn_id]["text"] == fact.text
                assert turns[fact.turn_id]["speaker"] == "user"
            case do.AgentEnded():
                turn = turns[fact.turn_id]
                assert turn["text"] == fact.text
                assert turn["interrupted"] is (fact.status == "cancelled")
    hello = next(turn for turn in session["turns"] if turn["text"] == "hello there")
    assert (hello["intent"], hello["intent_confidence"]) == ("chitchat", 0.9)
    assert hello["duration_ms"] >= 0
    assert any(turn["heard_basis"] == "client" for turn in session["turns"])
    murmur = next(turn for turn in session["turns"] if turn["text"] == "mhm")
    assert murmur["metadata"]["backchannel"] is True


def assert_rest(session: dict[str, Any]) -> None:
    """Everything but the turns."""
    assert [row["status"] for row in session["tool_invocations"]] == ["success"]
    assert {row["kind"] for row in session["barge_ins"]} == {"barge_in", "backchannel", "false_alarm"}
    injections = {row["text"]: row for row in session["injections"]}
    assert injections["It is noon."]["state"] == "heard"
    assert injections["It is noon."]["invocation_id"] == session["tool_invocations"][0]["invocation_id"]
    assert injections["Said at the end of the call."]["state"] == "cut"
    assert injections["waits for ever"]["state"] == "dropped"
    assert injections["waits for ever"]["idempotency_key"] == "tea"
    assert (injections["expires at once"]["state"], injections["expires at once"]["how"]) == (
        "dropped",
        "expired",
    )
    spans = {row["span"] for row in session["latencies"]}
    wanted = {"endpoint", "transcript", "intent", "dispatch", "tool", "injection_wait", "first_audio", "turn"}
    assert spans >= {*wanted, "barge_in_stop"}
    assert all(row["ms"] >= 0 for row in session["latencies"])


async def test_say_and_interrupt_after_the_end_say_that_it_has_ended(stored: Gateway, store: Store) -> None:
    session = await stored.session()
    path = f"/api/mas/voice/sessions/{session['session_id']}"
    assert await stored.ask("DELETE", path) == (
        200,
        {"session_id": session["session_id"], "end_reason": "hung_up"},
    )
    assert await store.outbox.flush(PATIENCE)
    for deed, body in (("say", {"text": "hello"}), ("interrupt", None)):
        status, problem = await stored.ask("POST", f"{path}/{deed}", json=body)
        assert (status, problem["code"]) == (409, "session_ended")
    # Ended twice is ended.
    assert await stored.ask("DELETE", path) == (
        200,
        {"session_id": session["session_id"], "end_reason": "hung_up"},
    )


async def test_what_was_just_made_is_found_at_once(stored: Gateway) -> None:
    session_id = (await stored.session())["session_id"]
    path = f"/api/mas/voice/sessions/{session_id}"
    status, session = await stored.ask("GET", path)
    assert (status, session["is_active"]) == (200, True)
    _, said = await stored.ask("POST", f"{path}/say", json={"text": "tea is ready"})
    status, injection = await stored.ask("GET", f"{path}/injections/{said['injection_id']}")
    assert (status, injection["state"], injection["text"]) == (200, "waiting", "tea is ready")


async def test_a_text_that_waited_in_vain_for_the_call_to_be_connected_is_dropped(
    stored: Gateway, store: Store
) -> None:
    class Slow(CascadeEngine):
        async def connect(self, brief: Brief) -> None:
            await asyncio.Event().wait()

    stored.parts.engine = lambda: Slow("local", EchoMind(), stored.parts.voice)
    path = f"/api/mas/voice/sessions/{(await stored.session())['session_id']}"
    _, said = await stored.ask("POST", f"{path}/say", json={"text": "tea is ready"})
    await stored.ask("DELETE", path)
    assert await store.outbox.flush(PATIENCE)
    _, injection = await stored.ask("GET", f"{path}/injections/{said['injection_id']}")
    assert (injection["state"], injection["how"]) == ("dropped", "ended")


async def test_a_session_that_was_ended_is_seen_to_be_at_once(stored: Gateway) -> None:
    path = f"/api/mas/voice/sessions/{(await stored.session())['session_id']}"
    assert (await stored.ask("GET", path))[1]["is_active"] is True
    await stored.ask("DELETE", path)
    _, session = await stored.ask("GET", path)
    assert (session["is_active"], session["end_reason"]) == (False, "hung_up")


async def test_an_injection_that_never_was_is_not_found(stored: Gateway) -> None:
    path = f"/api/mas/voice/sessions/{(await stored.session())['session_id']}/injections"
    assert (await stored.ask("GET", f"{path}/{new_id()}"))[1]["code"] == "injection_not_found"
    assert (await stored.ask("GET", f"{path}/nonsense"))[1]["code"] == "invalid_request"


async def test_sessions_come_in_pages(stored: Gateway, store: Store) -> None:
    made = [(await stored.session(user_id="u1"))["session_id"] for _ in range(3)]
    await stored.session(user_id="u2")
    await stored.ask("DELETE", f"/api/mas/voice/sessions?session_id={made[2]}")
    assert await store.outbox.flush(PATIENCE)
    seen: list[str] = []
    cursor = None
    while True:
        query = "limit=1&user_id=u1" + (f"&cursor={cursor}" if cursor else "")
        status, page = await stored.ask("GET", f"/api/mas/voice/sessions?{query}")
        assert status == 200
        seen += [session["session_id"] for session in page["sessions"]]
        cursor = page["next"]
        if cursor is None:
            break
    # Those under way first, the newest before the older.
    assert seen == [made[1], made[0], made[2]]
