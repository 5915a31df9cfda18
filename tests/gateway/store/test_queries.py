"""What REST shows: pages that hold still, one session whole, its log in order."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text

from bridge.ledger import Invocation, Status, finished, started
from gateway.rest.rows import Injection
from gateway.store.queries import Fate, Measured, Queries, SessionFilter
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
from tests.gateway.store.samples import START, later, log_of, page_of, whole

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
    page = await page_of(queries, wanted or SessionFilter())
    return [UUID(row["session_id"]) for row in page["sessions"]]


async def test_the_active_come_first_and_of_either_kind_the_latest(store: Store) -> None:
    old_active, new_active = session(later(0)), session(later(10))
    old_ended, new_ended = session(later(5), is_active=False), session(later(20), is_active=False)
    await put(store, old_ended, old_active, new_ended, new_active)
    assert await ids(store.queries) == [
        row.session_id for row in (new_active, old_active, new_ended, old_ended)
    ]


async def test_whose_session_it_is_is_told_and_filtered_by(store: Store) -> None:
    ann, ben, nobody = (session(later(n), owner=owner) for n, owner in enumerate(("ann", "ben", None)))
    await put(store, ann, ben, nobody)
    assert await ids(store.queries, SessionFilter(owner="ann")) == [ann.session_id]
    assert len(await ids(store.queries)) == 3
    fates = [await store.queries.fate(row.session_id) for row in (ann, ben, nobody)]
    assert [fate and fate.owner for fate in fates] == ["ann", "ben", None]


async def test_pages_hold_still_while_sessions_come_and_end(store: Store) -> None:
    rows = [session(later(n), is_active=n % 3 == 0) for n in range(20)] + [
        session(later(5)) for _ in range(5)
    ]  # Some at the very same moment.
    await put(store, *rows)
    expected = await ids(store.queries)

    seen: list[UUID] = []
    cursor = None
    while True:
        page = await page_of(store.queries, cursor=cursor, limit=4)
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
    first = await page_of(store.queries, limit=2)
    await put(store, SessionRow(session_id=rows[0].session_id, is_active=False, ended_at=later(60)))
    second = await page_of(store.queries, cursor=first["next"], limit=2)
    seen = {row["session_id"] for row in first["sessions"] + second["sessions"]}
    assert seen == {str(row.session_id) for row in rows}
    assert second["next"] is None


async def test_each_filter_keeps_what_was_asked_for(
    store: Store, invocation: Callable[..., Invocation]
) -> None:
    one = session(
        later(0),
        mode="local",
        persona="myca",
        voice_prompt="fern",
        user_id="ada",
        conversation_id="c1",
        client="a phone",
    )
    two = session(
        later(60),
        mode="realtime",
        persona="plain",
        user_id="bob",
        conversation_id="c2",
        is_active=False,
        end_reason="hung_up",
    )
    said = TurnRow(
        turn_id=new_id(), session_id=one.session_id, speaker="user", text="Turn it up by 100 %, Ann"
    )
    await put(store, one, two, said)
    await store.ledger.request(invocation(session_id=one.session_id, turn_id=said.turn_id))
    for wanted in (
        SessionFilter(active=True),
        SessionFilter(mode="local"),
        SessionFilter(persona="myca"),
        SessionFilter(user_id="ada"),
        SessionFilter(conversation_id="c1"),
        SessionFilter(voice="fern"),
        SessionFilter(client="a phone"),
        SessionFilter(tool_status="requested"),
        SessionFilter(said="turn IT up"),
        SessionFilter(said="0 %"),
        SessionFilter(until=later(60)),
        SessionFilter(among=(one.session_id, new_id())),
        SessionFilter(besides=(two.session_id, new_id())),
        SessionFilter(active=True, mode="local", persona="myca"),
    ):
        assert await ids(store.queries, wanted) == [one.session_id], wanted
    assert await ids(store.queries, SessionFilter(since=later(60))) == [two.session_id]
    assert await ids(store.queries, SessionFilter(active=False)) == [two.session_id]
    assert await ids(store.queries, SessionFilter(end_reason="hung_up")) == [two.session_id]
    assert await ids(store.queries, SessionFilter(said="1%0")) == []
    assert await ids(store.queries, SessionFilter(among=())) == []
    assert await ids(store.queries, SessionFilter(tool_status="success")) == []
    assert await ids(store.queries, SessionFilter(mode="local", persona="plain")) == []


@pytest.mark.parametrize("started_at", ["0001-01-01T00:00:00+14:00", "2026-11-21T12:00:00", 5, None])
async def test_a_cursor_whose_time_is_none_is_refused(store: Store, started_at: Any) -> None:
    place = json.dumps([True, started_at, str(new_id())])
    with pytest.raises(Invalid, match="cursor"):
        await store.queries.list_sessions(cursor=base64.urlsafe_b64encode(place.encode()).decode())


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

    shown = await whole(store.queries, call.session_id)
    assert (shown["session_id"], shown["mode"], shown["metadata"]) == (
        str(call.session_id),
        "local",
        {"a": [1]},
    )
    assert shown["started_at"] == "2026-11-21T12:00:00+00:00"
    assert shown["counts"] == {"turns": 2, "tool_invocations": 2, "tool_failures": 1, "barge_ins": 1}
    assert shown["tools"] == {"success": 1, "error": 1}
    assert shown["duration_ms"] > 0
    assert shown["turn_latency_ms"] == {"p50": 200.0, "p95": pytest.approx(290.0)}
    assert [turn["text"] for turn in shown["turns"]] == ["what time is it", "noon"]
    assert [tool["status"] for tool in shown["tool_invocations"]] == ["success", "error"]
    assert [sound["kind"] for sound in shown["barge_ins"]] == ["backchannel", "barge_in"]
    assert [text["state"] for text in shown["injections"]] == ["heard"]
    assert [span["span"] for span in shown["latencies"]] == ["connect", "turn", "turn", "turn"]
    assert [change["to_engine"] for change in shown["engine_changes"]] == ["local"]

    [listed] = (await page_of(store.queries))["sessions"]
    passed = ("duration_ms",)
    assert {k: v for k, v in listed.items() if k not in passed} == {
        name: shown[name] for name in listed if name not in passed
    }


async def test_what_was_not_measured_is_null(store: Store) -> None:
    call = session(later(0))
    await put(store, call)
    shown = await whole(store.queries, call.session_id)
    assert shown["turn_latency_ms"] == {"p50": None, "p95": None}
    assert shown["counts"] == {"turns": 0, "tool_invocations": 0, "tool_failures": 0, "barge_ins": 0}


async def test_a_call_lasts_until_its_end_and_no_longer(store: Store) -> None:
    call = session(later(0), is_active=False, ended_at=later(90))
    await put(store, call)
    assert (await whole(store.queries, call.session_id))["duration_ms"] == 90_000


async def test_the_log_comes_in_order_and_in_pieces(store: Store) -> None:
    call, empty = session(later(0)), session(later(0))
    await put(
        store,
        call,
        empty,
        *(
            EventRow(session_id=call.session_id, seq=n, at=later(n), at_samples=n, kind="x", payload={"n": n})
            for n in (4, 1, 3, 2)
        ),
    )
    first = await log_of(store.queries, call.session_id, limit=3)
    assert [event["seq"] for event in first["events"]] == [1, 2, 3]
    assert first["events"][0] == {
        "session_id": str(call.session_id),
        "seq": 1,
        "at": "2026-11-21T12:00:01+00:00",
        "at_samples": 1,
        "kind": "x",
        "payload": {"n": 1},
    }
    rest = await log_of(store.queries, call.session_id, after=first["next"], limit=3)
    assert ([event["seq"] for event in rest["events"]], rest["next"]) == ([4], None)
    assert await log_of(store.queries, empty.session_id) == {"events": [], "next": None}


async def test_times_are_told_in_utc_whatever_the_server_s_zone(store: Store, database_url: str) -> None:
    call = session(later(0))
    await put(store, call)
    name = database_url.rsplit("/", 1)[1].partition("?")[0]
    async with store.engine.connect() as connection:
        await connection.execute(text(f"ALTER DATABASE {name} SET timezone TO 'Asia/Kolkata'"))
        await connection.commit()
    await store.readers.dispose()
    assert (await whole(store.queries, call.session_id))["started_at"] == "2026-11-21T12:00:00+00:00"


async def test_a_text_to_be_said_is_found_in_its_own_session(store: Store) -> None:
    call, other, injection_id = session(later(0)), session(later(0)), new_id()
    row = InjectionRow(
        session_id=call.session_id, injection_id=injection_id, source="say", text="tea", state="waiting"
    )
    await put(store, call, other, row)
    found = await store.queries.injection(call.session_id, injection_id)
    assert found is not None
    assert Injection.model_validate_json(found, strict=True, extra="forbid").state == "waiting"
    assert await store.queries.injection(other.session_id, injection_id) is None


async def test_how_fast_an_engine_was_lately_is_measured_on_its_own_gateway(store: Store) -> None:
    """Turns of another span, of another gateway, and of more than an hour ago don't count."""
    now = datetime.now(UTC)
    here, there = session(now, node="gateway-1", mode="local"), session(now, node="gateway-2", mode="local")

    def turn(call: SessionRow, ms: float, span: Any = "turn", ago: timedelta = timedelta()) -> LatencyRow:
        return LatencyRow(
            latency_id=new_id(), session_id=call.session_id, turn_id=None, span=span, ms=ms, at=now - ago
        )

    await put(
        store,
        here,
        there,
        *(turn(here, ms) for ms in (300.0, 900.0, 500.0)),
        turn(here, 9_000.0, "tool"),
        turn(here, 9_000.0, ago=timedelta(minutes=61)),
        turn(there, 100.0),
    )
    assert await store.queries.turn_latencies("gateway-1") == {"local": Measured(500.0, 3)}
    assert await store.queries.turn_latencies("gateway-3") == {}


async def test_what_became_of_a_session_is_told(store: Store) -> None:
    call = session(later(0), node="gateway-1", is_active=False, end_reason="hung_up", owner="ann")
    await put(store, call)
    assert await store.queries.fate(call.session_id) == Fate(False, "gateway-1", "hung_up", "ann")


async def test_an_unknown_session_is_none(store: Store) -> None:
    assert await store.queries.session(new_id()) is None
    assert await store.queries.events(new_id()) is None
    assert await store.queries.fate(new_id()) is None
    assert await store.queries.injection(new_id(), new_id()) is None
