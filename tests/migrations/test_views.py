"""The views against calls small enough to count by hand."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text

from bridge.ledger import Invocation, Status, finished, started
from gateway.store.rows import BargeInRow, LatencyRow, SessionRow, TurnRow
from gateway.store.store import Store
from gateway.store.tables import Mode, Speaker
from services.base.ids import new_id

START = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)
DAY = date(2026, 11, 21)
MS = 24
"""Samples in a millisecond."""
WAIT_S = 30.0


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with Store.open(database_url, "gateway-1", ledger_limit=WAIT_S) as store:
        yield store


class Call:
    """A call told in milliseconds."""

    def __init__(self, mode: Mode = "local") -> None:
        self.session_id = new_id()
        self.rows: list[Any] = [SessionRow(session_id=self.session_id, mode=mode, started_at=START)]

    def turn(self, speaker: Speaker, start: int, end: int, words: Any = (), **columns: Any) -> UUID:
        turn_id = new_id()
        placed = [{"text": "w", "start": a * MS, "end": b * MS} for a, b in words]
        row = TurnRow(
            turn_id=turn_id,
            session_id=self.session_id,
            speaker=speaker,
            seq=len(self.rows),
            start_samples=start * MS,
            end_samples=end * MS,
            started_at=START,
            words=placed or None,
            **columns,
        )
        self.rows.append(row)
        return turn_id

    def latency(self, span: Any, ms: float, turn_id: UUID | None = None) -> None:
        self.rows.append(
            LatencyRow(
                latency_id=new_id(), session_id=self.session_id, turn_id=turn_id, span=span, ms=ms, at=START
            )
        )

    def sound(self, kind: Any, stop_ms: float | None = None) -> None:
        self.rows.append(
            BargeInRow(
                event_id=new_id(), session_id=self.session_id, timestamp=START, kind=kind, stop_ms=stop_ms
            )
        )


async def put(store: Store, *calls: Call) -> None:
    for call in calls:
        for row in call.rows:
            store.outbox.put(row)
    assert await store.outbox.flush(WAIT_S)


async def view(store: Store, name: str, order: str = "1") -> list[dict[str, Any]]:
    async with store.engine.connect() as connection:
        found = await connection.execute(text(f"SELECT * FROM {name} ORDER BY {order}"))
        return [dict(row) for row in found.mappings()]


async def deeds(store: Store, call: Call, outcomes: list[tuple[Status, float]]) -> None:
    """Tool calls with what came of them, and milliseconds."""
    for number, (status, ms) in enumerate(outcomes):
        row = await store.ledger.request(
            Invocation(
                invocation_id=new_id(),
                session_id=call.session_id,
                turn_id=new_id(),
                idempotency_key=f"{call.session_id} {number}",
                agent="clock",
                action="time_in",
                arguments={},
                risk="read",
                status=Status.REQUESTED,
                requested_at=START + timedelta(seconds=number),
            )
        )
        if status is Status.CANCELLED:
            row = finished(row, status, START)
        elif status is not Status.REQUESTED:
            row = finished(started(row, START), status, START + timedelta(milliseconds=ms))
        await store.ledger.advance(row)


async def test_every_view_is_empty_without_calls(store: Store) -> None:
    for name in (
        "voice_session_overview",
        "voice_latency_by_day",
        "voice_tool_reliability",
        "voice_barge_in_rate",
        "voice_turn_taking",
        "voice_intent_mix",
    ):
        assert await view(store, name) == []


async def test_the_overview_counts_each_thing_once(store: Store) -> None:
    call = Call()
    call.turn("user", 0, 1_000)
    call.turn("user", 3_000, 3_500)
    call.turn("agent", 1_500, 2_500)
    for ms in (100.0, 300.0):
        call.latency("turn", ms)
    call.latency("connect", 5_000.0)
    for kind in ("barge_in", "barge_in", "backchannel", "echo"):
        call.sound(kind)
    call.rows.append(
        replace(call.rows[0], ended_at=START + timedelta(seconds=90), is_active=False, end_reason="client")
    )
    await put(store, call)
    await deeds(
        store, call, [(Status.SUCCESS, 10), (Status.ERROR, 10), (Status.UNKNOWN, 10), (Status.CANCELLED, 0)]
    )

    [row] = await view(store, "voice_session_overview")
    # Each deed brought a placeholder of its turn along.
    assert (row["user_turns"], row["agent_turns"]) == (2 + 4, 1)
    assert (row["user_speech_ms"], row["agent_speech_ms"]) == (1_500.0, 1_000.0)
    assert (row["tool_calls"], row["tools_succeeded"], row["tools_failed"]) == (4, 1, 2)
    assert (row["barge_ins"], row["backchannels"]) == (2, 1)
    assert (row["turn_p50_ms"], row["duration_ms"], row["end_reason"]) == (200.0, 90_000.0, "client")


async def test_latencies_are_told_by_engine_and_day_of_utc(store: Store) -> None:
    call = Call()
    fallen_back = call.turn("agent", 0, 10, engine="realtime")
    for ms in range(1, 101):
        call.latency("turn", float(ms))
    call.latency("turn", 7.0, fallen_back)
    await put(store, call)
    local, realtime = await view(store, "voice_latency_by_day", "engine")
    assert (local["day"], local["engine"], local["span"], local["measured"]) == (DAY, "local", "turn", 100)
    assert (local["p50_ms"], local["p95_ms"], local["p99_ms"], local["max_ms"]) == pytest.approx(
        (50.5, 95.05, 99.01, 100.0)
    )
    assert (realtime["engine"], realtime["measured"], realtime["p50_ms"]) == ("realtime", 1, 7.0)


async def test_a_tool_is_judged_by_what_it_ran(store: Store) -> None:
    call = Call()
    await put(store, call)
    await deeds(
        store,
        call,
        [
            (Status.SUCCESS, 100),
            (Status.SUCCESS, 300),
            (Status.ERROR, 9_000),
            (Status.UNKNOWN, 9_000),
            (Status.CANCELLED, 0),
            (Status.REQUESTED, 0),
        ],
    )
    [row] = await view(store, "voice_tool_reliability")
    assert (row["agent"], row["action"], row["calls"]) == ("clock", "time_in", 6)
    assert (row["succeeded"], row["failed"], row["unknown"], row["withdrawn"], row["open"]) == (2, 1, 1, 1, 1)
    assert (row["success_rate"], row["p50_ms"]) == (0.5, 200.0)
    assert row["last_failed_at"] == START + timedelta(seconds=3)
    assert row["last_called_at"] == START + timedelta(seconds=5)


async def test_barge_ins_are_told_against_the_agents_turns(store: Store) -> None:
    spoken_over, quiet = Call(), Call("realtime")
    for n in range(4):
        spoken_over.turn("agent", n * 1_000, n * 1_000 + 500)
    spoken_over.sound("barge_in", 100.0)
    spoken_over.sound("barge_in", 200.0)
    spoken_over.sound("backchannel", 9_000.0)
    spoken_over.sound("echo")
    await put(store, spoken_over, quiet)
    local, realtime = await view(store, "voice_barge_in_rate", "mode")
    assert (local["day"], local["sessions"], local["agent_turns"]) == (DAY, 1, 4)
    assert (local["barge_ins"], local["backchannels"], local["false_alarms"], local["echoes"]) == (2, 1, 0, 1)
    assert (local["barge_in_rate"], local["stop_p50_ms"]) == (0.5, 150.0)
    assert (realtime["agent_turns"], realtime["barge_ins"], realtime["barge_in_rate"]) == (0, 0, None)


async def test_turn_taking_tells_answers_from_cutting_in(store: Store) -> None:
    call = Call()
    # Two words, 500 ms between them: a pause, left alone. Answered 400 ms after the end.
    call.turn("user", 0, 1_500, words=[(0, 500), (1_000, 1_500)])
    call.turn("agent", 1_900, 3_000)
    # The agent takes a pause of 800 ms for the end and speaks into the rest: 300 ms at once.
    call.turn("user", 10_000, 10_500, words=[(10_000, 10_500)])
    call.turn("agent", 10_700, 11_600)
    call.turn("user", 11_300, 12_000, words=[(11_300, 12_000)])
    # Answered late, by what the agent says next. The 8 s before it are no pause.
    call.turn("user", 20_000, 20_400, words=[(20_000, 20_400)])
    # A "mhm" while the agent speaks is no end.
    call.turn("agent", 30_000, 32_000)
    call.turn("user", 31_000, 31_200, words=[(31_000, 31_200)])
    # Never answered.
    call.turn("user", 40_000, 40_400, words=[(40_000, 40_400)])
    await put(store, call)

    [row] = await view(store, "voice_turn_taking")
    assert (row["day"], row["mode"], row["sessions"]) == (DAY, "local", 1)
    # 1.5, 10.5 and 20.4 s were taken, 12 and 40.4 s were not.
    assert (row["ends"], row["takeover_rate_at_ends"]) == (5, 0.6)
    assert (row["pauses"], row["takeover_rate_at_pauses"]) == (2, 0.5)
    assert row["overlap_ms"] == 300.0 + 200.0
    speech = 1_500 + 1_100 + 500 + 900 + 700 + 400 + 2_000 + 200 + 400
    assert row["overlap_share"] == pytest.approx(500 / speech)
    assert row["response_p50_ms"] == 400.0


async def test_a_silent_call_takes_no_turns(store: Store) -> None:
    await put(store, Call())
    [row] = await view(store, "voice_turn_taking")
    assert (row["sessions"], row["ends"], row["pauses"]) == (1, 0, 0)
    assert (row["takeover_rate_at_ends"], row["takeover_rate_at_pauses"], row["overlap_share"]) == (None,) * 3


async def test_intents_share_out_the_turns_that_were_classified(store: Store) -> None:
    call = Call()
    for n, intent in enumerate(["chitchat", "action", "action", "action", None]):
        call.turn("user", n * 1_000, n * 1_000 + 500, intent=intent, intent_confidence=0.5 + n / 10)
    await put(store, call)
    action, chitchat = await view(store, "voice_intent_mix", "intent")
    assert (action["day"], action["mode"], action["intent"], action["turns"]) == (DAY, "local", "action", 3)
    assert (action["share"], action["mean_confidence"]) == (0.75, pytest.approx(0.7))
    assert (chitchat["turns"], chitchat["share"]) == (1, 0.25)
