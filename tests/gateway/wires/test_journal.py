"""The order, the numbers and the limits of what is sent to a client; the clock is the test's."""

import asyncio
import json
from typing import Any

import pytest

from gateway.wires.realtime import journal
from gateway.wires.realtime.journal import ClientTooSlow, Journal, Line
from tests.gateway.harness import PATIENCE


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Socket:
    """Takes what is sent, until the test has it block."""

    def __init__(self, awaits: int = 1) -> None:
        self.got: list[str] = []
        self.awaits = awaits
        self.has_all = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, text: str) -> None:
        await self.open.wait()
        self.got.append(json.loads(text)["type"])
        if len(self.got) == self.awaits:
            self.has_all.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def pour(line: Line, socket: Socket) -> None:
    """Let the line pour until the socket has what it awaits."""
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        pouring = tasks.create_task(line.pour(socket.send))
        await socket.has_all.wait()
        pouring.cancel()


async def waiting(line: Line) -> list[dict[str, Any]]:
    """All that waits, as the last that is sent."""
    got: list[dict[str, Any]] = []

    async def take(text: str) -> None:
        got.append(json.loads(text))

    line.end()
    await line.pour(take)
    return got


async def assert_too_slow(line: Line, socket: Socket) -> None:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ClientTooSlow):
            await line.pour(socket.send)


async def test_events_come_in_order_and_their_ids_end_in_a_growing_number(clock: Clock) -> None:
    events = Journal(now=clock)
    line = events.attach()
    events.put("a", {"x": 1})
    events.put_sound("b", {}, "AAAA")
    first, second = await waiting(line)
    assert (first["type"], first["x"], second["type"]) == ("a", 1, "b")
    assert [int(e["event_id"].rsplit("_", 1)[1]) for e in (first, second)] == [1, 2]


async def test_sound_that_is_a_second_late_is_left_out_told_and_counted(clock: Clock) -> None:
    dropped: list[int] = []
    events, socket = Journal(dropped.append, clock), Socket(awaits=2)
    line = events.attach()
    events.put_sound("old.audio", {}, "AAAA")
    events.put("old.control", {})
    clock.now += 1.5
    events.put_sound("new.audio", {}, "AAAA")
    before = journal.DROPPED._value.get()
    await pour(line, socket)
    assert socket.got == ["old.control", "new.audio"]
    assert journal.DROPPED._value.get() == before + 1
    assert dropped == [1]


async def test_an_event_ten_seconds_late_ends_the_connection(clock: Clock) -> None:
    events = Journal(now=clock)
    line = events.attach()
    events.put("control", {})
    clock.now += 10.5
    await assert_too_slow(line, Socket())


async def test_a_client_that_takes_nothing_at_all_is_found_out(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "CLIENT_LATE_S", 0.05)
    events, socket = Journal(now=clock), Socket()
    socket.open.clear()
    line = events.attach()
    events.put("control", {})
    await assert_too_slow(line, socket)


async def test_too_much_that_waits_ends_the_connection(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "WAITING_CHARS", 1000)
    events = Journal(now=clock)
    line = events.attach()
    for _ in range(3):
        events.put("control", {"filler": "a" * 500})
    await assert_too_slow(line, Socket())


async def test_sound_is_the_delta_of_an_event_like_any_other(clock: Clock) -> None:
    events = Journal(now=clock)
    line, texts = events.attach(), []

    async def take(text: str) -> None:
        texts.append(text)

    number = events.put_sound("response.output_audio.delta", {"item_id": 'a "name"'}, "AAD/+w==")
    line.end()
    await line.pour(take)
    event = json.loads(texts[0])
    assert event.pop("event_id").endswith(f"{number:07d}")
    assert event == {"type": "response.output_audio.delta", "item_id": 'a "name"', "delta": "AAD/+w=="}


async def test_a_client_that_comes_back_gets_what_it_missed_without_the_sound(clock: Clock) -> None:
    events = Journal(now=clock)
    for place in range(0, 6, 2):
        events.put(f"event.{place}", {})
        events.put_sound(f"event.{place + 1}", {}, "AAAA")
    clock.now += 60
    line, socket = events.attach(), Socket(awaits=2)
    assert events.replay(after=2)
    await pour(line, socket)
    assert socket.got == ["event.2", "event.4"]


async def test_a_client_that_missed_nothing_gets_nothing(clock: Clock) -> None:
    events = Journal(now=clock)
    events.put("event", {})
    line = events.attach()
    assert events.replay(after=1)
    assert await waiting(line) == []


@pytest.mark.parametrize("limit", ["KEPT", "KEPT_CHARS"])
async def test_what_is_no_longer_kept_cannot_be_replayed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    events = Journal(now=clock)
    events.put("event", {})
    size = len(events._kept[0].text)
    monkeypatch.setattr(journal, limit, 2 if limit == "KEPT" else 2 * size)
    for _ in range(3):
        events.put("event", {})
    line = events.attach()
    assert not events.replay(after=1)
    assert await waiting(line) == []
    line = events.attach()
    assert events.replay(after=2)
    assert len(await waiting(line)) == 2


async def test_an_event_of_minutes_ago_is_not_kept_and_one_of_just_now_is(clock: Clock) -> None:
    events = Journal(now=clock)
    events.put("old", {})
    clock.now += journal.KEPT_S + 1
    events.put("fresh", {})
    events.put("fresh", {})
    line = events.attach()
    assert not events.replay(after=0)
    assert events.replay(after=1)
    assert len(await waiting(line)) == 2


async def test_a_number_that_was_never_reached_cannot_be_resumed(clock: Clock) -> None:
    events = Journal(now=clock)
    events.attach()
    assert not events.replay(after=1)


async def test_sound_that_was_lost_is_no_gap(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT", 1)
    events = Journal(now=clock)
    events.put("control", {})
    for _ in range(5):
        events.put_sound("audio", {}, "AAAA")
    events.put("control", {})
    events.attach()
    assert events.replay(after=1)
