"""Timers speak up in the calls of a real gateway, over a real Postgres; the clock of what is due is the test's."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from sqlalchemy import select

from gateway.access import Access
from gateway.session import effects as do
from gateway.session.injections import MOST
from gateway.store.store import Store as Rows
from gateway.store.tables import voice_injections
from services.orchestrator import announcer
from services.orchestrator.announcer import Announcer
from services.orchestrator.announcing import (
    ASK_AGAIN,
    KEPT,
    LONGEST_REST,
    MOST_IN_CALL,
    LiveCall,
    key_of,
    words_of,
)
from services.orchestrator.gateway import Gateway as Client
from services.orchestrator.gateway import GatewayAway
from services.orchestrator.store.rows import Timer
from services.orchestrator.store.store import Store
from services.orchestrator.store.tables import voice_timers
from tests.gateway.harness import PATIENCE, Gateway, Watch
from tests.services.orchestrator.store.samples import timer

KEY = "what the services show each other"
ANN, BEN = "the key of ann, long", "the key of ben, long"
OLGA = "the key of the operator"
UP = "Your pasta timer is up."


@pytest_asyncio.fixture
async def gateway(database_url: str) -> AsyncIterator[Gateway]:
    """One that asks for keys, and writes its rows."""
    access = Access(
        {"ann": ANN, "ben": BEN},
        open_to_all=False,
        hosts=frozenset(),
        operators={"olga": OLGA},
        internal_key=KEY,
    )
    async with Rows.open(database_url, "test") as rows, Gateway(access, store=rows) as gateway:
        yield gateway


class House:
    """An announcer, what it looks at, and a clock."""

    def __init__(self, store: Store, gateway: Gateway, http: aiohttp.ClientSession) -> None:
        self.store, self.gateway, self.http = store, gateway, http
        self.now = datetime.now(UTC)
        self.announcer = self.reborn()

    def reborn(self) -> Announcer:
        """An announcer that knows nothing of a former life."""
        client = Client(self.http, self.gateway.url, KEY)
        self.announcer = Announcer(self.store.timers, client, lambda: self.now)
        return self.announcer

    async def call(self, key: str = ANN, **body: Any) -> tuple[dict[str, Any], Watch]:
        """A call under Ann's key, with a client."""
        _, session = await self.gateway.ask(
            "POST", "/api/mas/voice/duplex/session", key, json={"greeting": False, **body}
        )
        await self.gateway.attach(session)
        return session, Watch(self.gateway.call(session))

    async def busy(self, session: dict[str, Any]) -> None:
        """Give the agent something long to say there."""
        path = f"/api/mas/voice/sessions/{session['session_id']}/say"
        status, _ = await self.gateway.ask("POST", path, ANN, json={"text": "and so on " * 200})
        assert status == 202

    async def set(self, **changed: Any) -> Timer:
        """A timer under Ann's key that is due now: after the calls that have begun, and before those that will."""
        self.now = datetime.now(UTC)
        fields: dict[str, Any] = {
            "owner": "ann",
            "label": "pasta",
            "due_at": self.now,
            "session_id": None,
            "conversation_id": None,
        }
        return await self.store.timers.add(timer(**fields | changed))

    async def look(self) -> float:
        """One look, when all that happened is written down."""
        assert await self.gateway.store.outbox.flush(PATIENCE)
        return await self.announcer.look()

    async def until(self, state: str) -> dict[str, Any]:
        """Look again and again until the only timer has come to `state`; its row."""
        async with asyncio.timeout(PATIENCE):
            while True:
                [row] = await self.store.read(select(voice_timers))
                if row["state"] == state:
                    return row
                await self.look()

    async def said(self) -> list[tuple[str, str]]:
        """All that was to be said in any call, and what became of it."""
        assert await self.gateway.store.outbox.flush(PATIENCE)
        i = voice_injections.c
        rows = await self.store.read(select(i.text, i.state).where(i.source == "say").order_by(i.created_at))
        return [(row["text"], row["state"]) for row in rows]


@pytest_asyncio.fixture
async def house(store: Store, gateway: Gateway) -> AsyncIterator[House]:
    async with aiohttp.ClientSession() as http:
        yield House(store, gateway, http)


async def only(house: House) -> dict[str, Any]:
    [row] = await house.store.read(select(voice_timers))
    return row


def ended(state: str) -> float:
    return REGISTRY.get_sample_value("orchestrator_timers_ended_total", {"state": state}) or 0.0


async def heard(watch: Watch, words: str) -> None:
    await watch.until(do.InjectionChanged, lambda each: (each.text, each.state) == (words, "heard"))


async def test_a_timer_that_is_due_is_said_once_in_the_live_call(house: House) -> None:
    session, watch = await house.call()
    await house.set()
    await house.look()
    await heard(watch, UP)
    row = await house.until("said")
    assert str(row["said_in"]) == session["session_id"]
    await house.look()
    assert await house.said() == [(UP, "heard")]
    [injection] = await house.store.read(
        select(voice_injections.c.injection_id, voice_injections.c.idempotency_key)
    )
    assert injection["injection_id"] == row["injection_id"]
    assert str(row["timer_id"]) in injection["idempotency_key"]


async def test_a_timer_waits_for_a_call_and_is_told_when_one_begins(house: House) -> None:
    await house.set()
    await house.look()
    assert await house.said() == []
    _, watch = await house.call()
    await house.look()
    told = await watch.until(do.AgentEnded)
    assert told.text.startswith("While you were away, your pasta timer went off")
    await house.until("said")


async def test_another_users_call_is_left_alone(house: House) -> None:
    await house.call(user_id="ben")
    await house.set(user_id="ann")
    await house.look()
    _, watch = await house.call(user_id="ann")
    await house.look()
    await watch.until(do.AgentEnded)
    await house.until("said")
    assert len(await house.said()) == 1


@pytest.mark.parametrize("user_id", [None, "sam"])
async def test_a_call_under_another_key_is_left_alone_whatever_it_is_named(
    house: House, user_id: str | None
) -> None:
    named = {"conversation_id": "talk"} | ({"user_id": user_id} if user_id else {})
    await house.call(BEN, **named)
    await house.call(OLGA, **named)
    await house.set(user_id=user_id, conversation_id="talk")
    await house.look()
    assert await house.said() == []
    session, watch = await house.call(ANN, **named)
    await house.look()
    await watch.until(do.AgentEnded)
    assert str((await house.until("said"))["said_in"]) == session["session_id"]
    assert len(await house.said()) == 1


async def test_what_the_house_asked_for_is_said_to_an_operator_alone(house: House) -> None:
    await house.call(ANN)
    await house.set(owner=None)
    await house.look()
    assert await house.said() == []
    session, watch = await house.call(OLGA)
    await house.look()
    await watch.until(do.AgentEnded)
    assert str((await house.until("said"))["said_in"]) == session["session_id"]


async def test_who_dies_before_it_is_sent_sends_it_in_the_next_life(house: House) -> None:
    session, watch = await house.call()
    set_ = await house.set()
    assert await house.gateway.store.outbox.flush(PATIENCE)
    calls = await Client(house.http, house.gateway.url, KEY).live_calls()
    assert await house.store.timers.take_up(set_, calls[0].session_id)
    house.reborn()
    await house.look()
    await heard(watch, UP)
    await house.until("said")
    assert await house.said() == [(UP, "heard")]
    assert str(calls[0].session_id) == session["session_id"]


async def test_who_dies_when_it_was_sent_does_not_say_it_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    _, watch = await house.call()
    await house.set()
    with monkeypatch.context() as patched:
        patched.setattr(house.store.timers, "placed", die)
        with pytest.raises(asyncio.CancelledError):
            await house.look()
    # Its row may be on its way still: then the same key is asked again.
    await house.reborn().look()
    await heard(watch, UP)
    await house.until("said")
    assert await house.said() == [(UP, "heard")]


async def test_what_a_call_ended_before_is_said_in_the_next(house: House) -> None:
    session, _ = await house.call()
    await house.busy(session)
    await house.set()
    await house.look()
    # Nobody hears it.
    await house.gateway.ask("DELETE", f"/api/mas/voice/sessions/{session['session_id']}", ANN)
    await house.look()
    _, watch = await house.call()
    await house.look()
    await watch.until(do.AgentEnded)
    row = await house.until("said")
    assert row["attempt"] == 2
    assert [state for text, state in await house.said() if "pasta" in text] == ["dropped", "heard"]


async def test_a_call_that_nobody_has_joined_or_whose_client_is_lost_is_told_nothing(house: House) -> None:
    _, session = await house.gateway.ask(
        "POST", "/api/mas/voice/duplex/session", ANN, json={"greeting": False}
    )
    lost, _ = await house.call()
    house.gateway.call(lost).client_lost()
    await house.set()
    await house.look()
    assert (await only(house))["attempt"] == 0
    await house.gateway.attach(session)
    watch = Watch(house.gateway.call(session))
    await house.look()
    await heard(watch, UP)
    assert str((await house.until("said"))["said_in"]) == session["session_id"]


async def test_what_nobody_heard_for_a_day_is_given_up(house: House) -> None:
    await house.set()
    house.now += timedelta(days=1, seconds=1)
    row = await house.until("missed")
    assert row["ended_at"]
    await house.call()
    await house.look()
    assert await house.said() == []


async def test_a_full_queue_takes_the_rest_later_and_the_call_stays_in_reach(house: House) -> None:
    session, watch = await house.call()
    call = house.gateway.call(session)
    while len(call.session.injections) < MOST:
        await house.busy(session)
    await house.set()
    await house.look()
    row = await only(house)
    assert (row["state"], row["attempt"]) == ("waiting", 1)
    # It is not asked again and again.
    await house.look()
    assert (await only(house))["attempt"] == 1
    call.session.injections.drain()
    await house.gateway.ask("POST", f"/api/mas/voice/sessions/{session['session_id']}/interrupt", ANN)
    house.now += LONGEST_REST
    await house.look()
    await heard(watch, UP)
    assert (await house.until("said"))["attempt"] == 2


async def test_a_call_is_given_a_few_at_a_time(house: House) -> None:
    session, _ = await house.call()
    await house.busy(session)
    for _ in range(MOST_IN_CALL + 1):
        await house.set()
    await house.look()
    await house.look()
    rows = await house.store.read(select(voice_timers))
    assert sorted(row["state"] for row in rows) == ["saying"] * MOST_IN_CALL + ["waiting"]


async def test_what_is_refused_does_not_hold_up_the_others(house: House) -> None:
    await house.call()
    bad = await house.set(label="x" * 2000)
    good = await house.set(label="tea")
    await house.look()
    rows = {row["timer_id"]: row for row in await house.store.read(select(voice_timers))}
    assert rows[good.timer_id]["state"] == "saying"
    assert (rows[bad.timer_id]["state"], rows[bad.timer_id]["attempt"]) == ("waiting", 1)


async def test_what_fails_does_not_hold_up_the_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fragile(timer: Timer, call: LiveCall, now: datetime) -> str:
        if timer.label == "bad":
            raise RuntimeError("a fault of ours")
        return words_of(timer, call, now)

    monkeypatch.setattr(announcer, "words_of", fragile)
    await house.call()
    bad = await house.set(label="bad")
    good = await house.set(label="tea")
    await house.look()
    await house.look()
    rows = {row["timer_id"]: row for row in await house.store.read(select(voice_timers))}
    assert rows[good.timer_id]["injection_id"]
    assert not rows[bad.timer_id]["injection_id"]
    # Its words may come right in another release, but not after a day.
    house.now += KEPT + timedelta(minutes=1)
    await house.look()
    rows = {row["timer_id"]: row for row in await house.store.read(select(voice_timers))}
    assert rows[bad.timer_id]["state"] == "missed"


async def test_what_waits_in_a_gateway_that_is_no_more_is_said_in_another(
    house: House, database_url: str
) -> None:
    async with Rows.open(database_url, "gone") as rows, Gateway(house.gateway.access, store=rows) as gone:
        _, session = await gone.ask("POST", "/api/mas/voice/duplex/session", ANN, json={})
        set_ = await house.set()
        there = UUID(session["session_id"])
        taken = await house.store.timers.take_up(set_, there)
        assert taken
        await Client(house.http, gone.url, KEY).say(there, UP, key_of(taken))
        assert await rows.outbox.flush(PATIENCE)
        # As far as its rows tell, the call goes on, and its user may be silent for long.
        _, watch = await house.call()
        await house.look()
        await house.look()
        assert (await only(house))["state"] == "saying"
        house.now += ASK_AGAIN
        await house.look()
        await house.look()
        await watch.until(do.AgentEnded)
        assert (await house.until("said"))["attempt"] == 2


async def test_only_what_this_look_has_ended_is_counted(house: House) -> None:
    _, watch = await house.call()
    await house.set()
    await house.look()
    await heard(watch, UP)
    before = ended("said")
    reborn = [house.reborn() for _ in range(2)]
    assert await house.gateway.store.outbox.flush(PATIENCE)
    await asyncio.gather(*(each.look() for each in reborn))
    await house.until("said")
    assert ended("said") == before + 1


async def test_a_gateway_that_is_away_loses_nothing(house: House, unused_tcp_port: int) -> None:
    _, watch = await house.call()
    await house.set()
    lost = Client(house.http, f"http://127.0.0.1:{unused_tcp_port}", KEY)
    with pytest.raises(GatewayAway):
        await Announcer(house.store.timers, lost, lambda: house.now).look()
    wrong = Client(house.http, house.gateway.url, "another key")
    with pytest.raises(GatewayAway, match="401"):
        await Announcer(house.store.timers, wrong, lambda: house.now).look()
    await house.look()
    await heard(watch, UP)


async def test_it_sleeps_until_the_next_is_due_and_a_new_one_wakes_it(house: House) -> None:
    _, watch = await house.call()
    running = asyncio.create_task(house.announcer.run())
    await house.store.timers.add(timer(label="later", due_at=house.now + timedelta(hours=1)))
    await house.set()
    await heard(watch, UP)
    running.cancel()
    await asyncio.wait({running})
