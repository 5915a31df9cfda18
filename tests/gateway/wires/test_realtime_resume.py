"""Connections that break, come back, are replaced, or stay away; and how a call's end is told."""

import asyncio
from typing import Any

import pytest

from gateway.session import effects as do
from gateway.wires.realtime import client as clients
from gateway.wires.realtime import journal
from gateway.wires.realtime import socket as wire
from tests.gateway.harness import PATIENCE, Client, Gateway, Watch, number

LONG = "one two three four five six seven eight"


async def spoken_to(gateway: Gateway) -> tuple[dict[str, Any], Client]:
    """A session, and a client that the agent is speaking to."""
    session = await gateway.session()
    client = await gateway.attach(session)
    await client.text(LONG)
    await client.until("response.output_audio.delta")
    return session, client


async def test_who_comes_back_gets_each_missed_event_once_and_no_stale_sound(gateway: Gateway) -> None:
    session, client = await spoken_to(gateway)
    last = number(client.events[-1])
    watch = Watch(gateway.call(session))
    client.drop()
    await gateway.ask("POST", f"/api/mas/voice/sessions/{session['session_id']}/interrupt")
    await watch.until(do.AgentEnded)
    again = await gateway.attach(session, after=last)
    await again.until("response.done")
    missed = [number(event) for event in again.events]
    assert missed == sorted(set(missed))
    assert missed[0] > last
    assert not any(event["type"].endswith("audio.delta") for event in again.events)
    assert "session.created" not in again.kinds()
    told = client.kinds() + again.kinds()
    for kind in ("response.created", "response.output_audio.done", "response.done"):
        assert told.count(kind) == 1


async def test_what_was_set_is_still_set(gateway: Gateway) -> None:
    session = await gateway.session()
    client = await gateway.attach(session)
    phone = {"format": {"type": "audio/pcmu"}}
    await client.send("session.update", session={"type": "realtime", "audio": {"output": phone}})
    updated = await client.until("session.updated")
    client.drop()
    again = await gateway.attach(session, after=number(updated))
    await again.text("hello")
    done = await again.until("response.done")
    # Telephone sound: one byte a sample, 8,000 a second.
    assert len(again.sound(done["response"]["id"])) == 3 * 200 * 8


async def test_the_newest_socket_wins(gateway: Gateway) -> None:
    session = await gateway.session()
    first = await gateway.attach(session)
    await first.until("session.created")
    second = await gateway.attach(session)
    await second.until("session.created")
    code, reason = await first.closed()
    assert code == 1008
    assert reason.startswith("session_replaced")
    await second.text("hello")
    assert (await second.until("response.done"))["response"]["status"] == "completed"


async def test_a_gap_that_cannot_be_filled_is_told_and_the_session_shown_anew(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "KEPT", 3)
    session = await gateway.session()
    client = await gateway.attach(session)
    created = await client.until("session.created")
    await client.text("hello")
    await client.until("response.done")
    client.drop()
    again = await gateway.attach(session, after=number(created))
    assert (await again.error())["code"] == "resync_required"
    await again.until("session.created")


async def test_after_means_nothing_in_a_session_that_is_new(gateway: Gateway) -> None:
    client = await gateway.connect(f"{gateway.url}/v1/realtime?after=500")
    assert (await client.until("session.created"))["type"] == client.events[0]["type"]


async def test_who_does_not_come_back_in_time_has_lost_the_call(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "COMES_BACK_S", 0.05)
    session = await gateway.session()
    client = await gateway.attach(session)
    await client.until("session.created")
    call = gateway.call(session)
    client.drop()
    await gateway.over()
    assert call.end_reason == "client_lost"


async def test_a_connection_that_stands_keeps_the_call(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "COMES_BACK_S", 0.0)
    session = await gateway.session()
    first = await gateway.attach(session)
    await first.until("session.created")
    second = await gateway.attach(session)
    await second.until("session.created")
    await first.closed()
    await second.text("hello")
    await second.until("response.done")


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_close_in_order_ends_the_call(gateway: Gateway, code: int) -> None:
    client, _ = await gateway.client()
    call = gateway.call()
    await client.socket.close(code=code)
    await gateway.over()
    assert call.end_reason == "client_closed"


@pytest.mark.parametrize("code", [1011, 4000])
async def test_any_other_close_is_a_loss(gateway: Gateway, code: int) -> None:
    session = await gateway.session()
    client = await gateway.attach(session)
    await client.until("session.created")
    await client.socket.close(code=code)
    again = await gateway.attach(session)
    await again.until("session.created")


async def test_hanging_up_is_told_by_the_close_alone(gateway: Gateway) -> None:
    session, client = await spoken_to(gateway)
    await gateway.ask("DELETE", f"/api/mas/voice/sessions/{session['session_id']}")
    assert await client.closed() == (1000, "hung_up")
    done = [e["response"] for e in client.events if e["type"] == "response.done"]
    assert [response["status"] for response in done] == ["cancelled"]
    assert "error" not in client.kinds()


async def test_a_gateway_that_stops_says_so_to_each_client(gateway: Gateway) -> None:
    speaking = (await spoken_to(gateway))[1]
    listening, _ = await gateway.client()
    await gateway.calls.stop()
    for client in (speaking, listening):
        assert await client.closed() == (1001, "gateway_stopped")
        assert [e["error"]["code"] for e in client.events if e["type"] == "error"] == ["gateway_stopped"]
    assert gateway.rows[-1].end_reason == "gateway_stopped"  # type: ignore[union-attr]


async def test_a_client_that_stops_reading_loses_its_connection_and_not_its_call(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, is_cut = wire._cut, asyncio.Event()

    def seen_cut(request: Any) -> None:
        cut(request)
        is_cut.set()

    monkeypatch.setattr(wire, "_cut", seen_cut)
    monkeypatch.setattr(journal, "CLIENT_LATE_S", 0.2)
    monkeypatch.setattr(journal, "KEPT_CHARS", 100_000_000)
    session = await gateway.session()
    client = await gateway.attach(session)
    created = await client.until("session.created")
    client.stop_reading()
    # Each is given back whole: more in all than lies between the two of us.
    for _ in range(20):
        await client.send("session.update", session={"type": "realtime", "tools": ["a" * 200_000]})
    async with asyncio.timeout(PATIENCE):
        await is_cut.wait()
    monkeypatch.undo()
    again = await gateway.attach(session, after=number(created))
    assert (await again.error())["code"] == "client_too_slow"
    await again.text("hello")
    assert (await again.until("response.done"))["response"]["status"] == "completed"
