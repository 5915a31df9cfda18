"""All calls of a gateway: how many, which ones, and how they end together."""

import asyncio
from typing import Any

import pytest

from gateway.calls import Opening
from gateway.store.rows import SessionRow
from services.base.problems import Busy, Invalid
from tests.gateway.harness import Gateway

SESSIONS = "/api/mas/voice/duplex/session"


async def test_many_calls_go_on_at_once() -> None:
    async with Gateway(most=20) as gateway:
        clients = [(await gateway.client())[0] for _ in range(20)]
        for place, client in enumerate(clients):
            await client.text(f"number {place}")
        for place, client in enumerate(clients):
            done = await client.until("response.done")
            said = done["response"]["output"][0]["content"][0]["transcript"]
            assert said == f"You said number {place}"


async def test_when_all_places_are_taken_the_next_is_told_when_to_come_again() -> None:
    async with Gateway(most=1) as gateway:
        first = await gateway.session()
        async with gateway.http.post(f"{gateway.url}{SESSIONS}", json={}) as answer:
            problem = await answer.json(content_type=None)
            assert (answer.status, problem["code"]) == (503, "busy")
            assert answer.headers["Retry-After"] == str(problem["retry_after"])
        await gateway.ask("DELETE", f"/api/mas/voice/sessions/{first['session_id']}")
        await gateway.session()


async def test_a_gateway_that_stops_takes_no_more_calls(gateway: Gateway) -> None:
    await gateway.calls.stop()
    with pytest.raises(Busy, match="stopping"):
        gateway.calls.open(Opening("local"))


async def test_a_call_that_will_not_end_is_cut_off(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.calls.STOP_LIMIT_S", 0.05)

    async def never() -> None:
        await asyncio.Event().wait()

    call = gateway.calls.open(Opening("local"))
    # Its task has not begun yet.
    monkeypatch.setattr(call, "_live", never)
    await gateway.calls.stop()
    assert gateway.calls.free == gateway.calls.most
    ended = gateway.rows[-1]
    assert isinstance(ended, SessionRow)
    assert ended.end_reason == "gateway_stopped"


async def test_what_a_session_was_made_with_is_written_down(gateway: Gateway) -> None:
    await gateway.session(
        persona="plain",
        voice="wren",
        language="en-GB",
        input_mode="push_to_talk",
        user_id="u1",
        conversation_id="c1",
        allow_recording=True,
        metadata={"timezone": "Europe/Berlin", "note": "a"},
        mode="personaplex",
    )
    row = gateway.rows[0]
    assert isinstance(row, SessionRow)
    assert (row.persona, row.voice_prompt, row.language) == ("plain", "wren", "en-GB")
    assert (row.input_mode, row.user_id, row.conversation_id) == ("push_to_talk", "u1", "c1")
    assert (row.mode, row.fallback_reason) == ("local", "personaplex: none here")
    assert row.metadata == {"timezone": "Europe/Berlin", "note": "a"}
    assert row.allow_recording is True
    assert row.node == "test"


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"persona": "nobody"}, "myca"),
        ({"voice": "alloy"}, "fern"),
        ({"language": "de"}, "en"),
        ({"language": "../etc"}, "en"),
    ],
)
async def test_a_name_that_is_not_known_is_refused_with_those_that_are(
    gateway: Gateway, asked: dict[str, Any], named: str
) -> None:
    with pytest.raises(Invalid, match=named):
        gateway.calls.open(Opening("local", **asked))
    assert gateway.calls.free == gateway.calls.most


async def test_calls_that_ended_do_not_lie_in_memory(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected = asyncio.Event()
    monkeypatch.setattr("gateway.calls.COLLECT_AFTER", 2)
    monkeypatch.setattr("gateway.calls.gc.collect", collected.set)
    for _ in range(2):
        assert not collected.is_set()
        await gateway.calls.end(gateway.calls.open(Opening("local")).session_id, "hung_up")
    async with asyncio.timeout(5):
        await collected.wait()
