"""What REST shows: pages that hold still, one session whole, its log in order."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from bridge.ledger import Invocation, Status, finished, started
from gateway.store.queries import Queries, SessionFilter
from gateway.store.rows import (
    BargeInRow,
    EngineChangeRow,
    EventRow,
    InjectionRow,
    LatencyRow,
    SessionRow,
    TurnRow,
)
from gateway.store.store import Store
from services.base.ids import new_id
from services.base.problems import Invalid
from tests.gateway.store.samples import START, later

WAIT_S = 30.0


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with Store.open(database_url, "gateway-1", ledger_limit=WAIT_S) as store:
        yield store


async def put(store: Store, *rows: Any) -> None:
    for row in rows:
        store.outbox.put(row)
    assert await store.outbox.flush(WAIT_S)


def session(started_at: datetime, **columns: Any) -> SessionRow:
    return SessionRow(session_id=new_id(), started_at=started_at, **columns)


async def ids(queries: Queries, wanted: SessionFilter | None = None) -> list[UUID]:
    page = await queries.list_sessions(wanted or SessionFilter())
    return [UUID(row["session_id"]) for row in page["sessions"]]


async def test_the_active_come_first_and_of_either_kind_the_latest(store: Store) -> None:
    old_active, new_active = session(later(0)), session(later(10))
    old_ended, new_ended = session(later(5), is_active=False), session(later(20), is_active=False)
    await put(store, old_ended, old_active, new_ended, new_active)
    assert await ids(store.queries) == [
        row.session_id for row in (new_active, old_active, new_ended, old_ended)
    ]


async def test_pages_hold_still_while_sessions_come_and_end(store: Store) -> None:
    rows = [session(later(n), is_active=n % 3 == 0) for n in range(20)] + [
        session(later(5)) for _ in range(5)
    ]  # Some at the very same moment.
    await put(store, *rows)
    expected = await ids(store.queries)

    seen: list[UUID] = []
    cursor = None
    while True:
        page = await store.queries.list_sessions(cursor=cursor, limit=4)
        seen += [UUID(row["session_id"]) for row in page["sessions"]]
        if (cursor := page["next"]) is None:
            break
        # New calls, one of them over at once, sort before what was shown or among the ended.
        await put(store, session(later(1_000 + len(seen))))
    assert seen == expected
    assert len(seen) == 25


async def test_a_session_that_ends_between_two_pages_is_not_passed_over(store: Store) -> None:
    rows = [session(later(n)) for n in range(4)]
    await put(store, *rows)
    first = await store.queries.list_sessions(limit=2)
    await put(store, SessionRow(session_id=rows[0].session_id, is_active=False, ended_at=later(60)))
    second = await store.queries.list_sessions(cursor=first["next"], limit=2)
    seen = {row["session_id"] for row in first["sessions"] + second["sessions"]}
    assert seen == {str(row.session_id) for row in rows}
    assert second["next"] is None


async def test_each_filter_keeps_what_was_asked_for(store: Store) -> None:
    one = session(later(0), mode="local", persona="myca", user_id="ada", conversation_id="c1")
    two = session(
        later(60), mode="realtime", persona="plain", user_id="bob", conversation_id="c2", is_active=False
    )
    await put(store, one, two)
    for wanted in (
        SessionFilter(active=True),
        SessionFilter(mode="local"),
        SessionFilter(persona="myca"),
        SessionFilter(user_id="ada"),
        SessionFilter(conversation_id="c1"),
        SessionFilter(until=later(60)),
        SessionFilter(active=True, mode="local", persona="myca"),
    ):
        assert await ids(store.queries, wanted) == [one.session_id], wanted
    assert await ids(store.queries, SessionFilter(since=later(60))) == [two.session_id]
    assert await ids(store.queries, SessionFilter(active=False)) == [two.session_id]
    assert await ids(store.queries, SessionFilter(mode="local", persona="plain")) == []


@pytest.mark.parametrize("cursor", ["", "nonsense", "ä", "W10=", "WzEsMiwzXQ==", "bnVsbA=="])
async def test_a_cursor_that_is_none_of_ours_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        await store.queries.list_sessions(cursor=cursor)


async def test_a_session_is_shown_whole(store: Store, invocation: Callable[..., Invocation]) -> None:
    call = session(later(0), mode="local", persona="myca", metadata={"a": [1]})
    said, answer = new_id(), new_id()
    deed = invocation(session_id=call.session_id, turn_id=said)
    other = invocation(
        session_id=call.session_id, turn_id=said, idempotency_key="other", requested_at=later(1)
    )
    of: dict[str, Any] = {"session_id": call.session_id}
    await put(
        store,
        call,
        TurnRow(**of, turn_id=answer, speaker="agent", seq=2, text="noon"),
        TurnRow(**of, turn_id=said, speaker="user", seq=1, text="what time is it"),
        BargeInRow(**of, event_id=new_id(), timestamp=later(4), kind="barge_in", turn_id=answer),
        BargeInRow(**of, event_id=new_id(), timestamp=later(3), kind="backchannel", turn_id=answer),
        InjectionRow(**of, injection_id=new_id(), source="tool", text="noon", state="heard", turn_id=answer),
        EngineChangeRow(
            **of,
            change_id=new_id(),
            from_engine=None,
            to_engine="local",
            reason="start",
            gap_ms=None,
            at=START,
        ),
        *(
            LatencyRow(**of, latency_id=new_id(), turn_id=answer, span="turn", ms=ms, at=later(ms))
            for ms in (300.0, 100.0, 200.0)
        ),
        LatencyRow(**of, latency_id=new_id(), turn_id=None, span="connect", ms=9_000.0, at=later(0)),
    )
    await store.ledger.request(deed)
    await store.ledger.advance(finished(started(deed, later(1)), Status.SUCCESS, later(2), result={"r": 1}))
    await store.ledger.request(other)
    await store.ledger.advance(finished(other, Status.ERROR, later(2), error={"code": "x", "message": "y"}))

    shown = await store.queries.session(call.session_id)
    assert shown is not None
    assert json.loads(json.dumps(shown)) == shown
    assert (shown["session_id"], shown["mode"], shown["metadata"]) == (
        str(call.session_id),
        "local",
        {"a": [1]},
    )
    assert shown["started_at"] == "2026-11-21T12:00:00+00:00"
    assert shown["counts"] == {"turns": 2, "tool_invocations": 2, "tool_failures": 1, "barge_ins": 1}
    assert shown["turn_latency_ms"] == {"p50": 200.0, "p95": pytest.approx(290.0)}
    assert [turn["text"] for turn in shown["turns"]] == ["what time is it", "noon"]
    assert [tool["status"] for tool in shown["tool_invocations"]] == ["success", "error"]
    assert [sound["kind"] for sound in shown["barge_ins"]] == ["backchannel", "barge_in"]
    assert [text["state"] for text in shown["injections"]] == ["heard"]
    assert [span["span"] for span in shown["latencies"]] == ["connect", "turn", "turn", "turn"]
    assert [change["to_engine"] for change in shown["engine_changes"]] == ["local"]

    [listed] = (await store.queries.list_sessions())["sessions"]
    assert listed == {name: shown[name] for name in listed}


async def test_what_was_not_measured_is_null(store: Store) -> None:
    call = session(later(0))
    await put(store, call)
    shown = await store.queries.session(call.session_id)
    assert shown is not None
    assert shown["turn_latency_ms"] == {"p50": None, "p95": None}
    assert shown["counts"] == {"turns": 0, "tool_invocations": 0, "tool_failures": 0, "barge_ins": 0}


async def test_the_log_comes_in_order_and_in_pieces(store: Store) -> None:
    call, empty = session(later(0)), session(later(0))
    await put(
        store,
        call,
        empty,
        *(
            EventRow(session_id=call.session_id, seq=n, at=later(n), at_samples=n, kind="x", payload={"n": n})
            for n in (3, 0, 2, 1)
        ),
    )
    first = await store.queries.events(call.session_id, limit=3)
    assert first is not None
    assert [event["seq"] for event in first] == [0, 1, 2]
    assert first[1] == {
        "session_id": str(call.session_id),
        "seq": 1,
        "at": "2026-11-21T12:00:01+00:00",
        "at_samples": 1,
        "kind": "x",
        "payload": {"n": 1},
    }
    rest = await store.queries.events(call.session_id, after=2)
    assert [event["seq"] for event in rest or []] == [3]
    assert await store.queries.events(empty.session_id) == []


async def test_an_unknown_session_is_none(store: Store) -> None:
    assert await store.queries.session(new_id()) is None
    assert await store.queries.events(new_id()) is None
