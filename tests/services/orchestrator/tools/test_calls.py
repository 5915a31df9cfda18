"""Questions about the calls: every number against an independent count of rows that the test put into Postgres."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from statistics import median, quantiles
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import pytest_asyncio

from services.base.database_url import for_psql
from services.base.ids import new_id
from services.base.problems import Unavailable
from services.orchestrator.store.store import Store
from services.orchestrator.tooling import Answer, Caller, Refused
from services.orchestrator.tools import calls

AUCKLAND = ZoneInfo("Pacific/Auckland")
"""Half a day from UTC, in which Postgres counts days by itself."""
THIS = new_id()
CALLER = Caller("this question", session_id=THIS, timezone="Pacific/Auckland")


class House:
    """What happened, written down in the database and remembered beside it."""

    def __init__(self, database: asyncpg.Connection) -> None:
        self.database = database
        self.sessions: list[tuple[UUID, datetime, datetime | None]] = []
        self.tools: list[tuple[str, str, datetime]] = []
        self.latencies: list[tuple[float, datetime]] = []
        self.barge_ins: list[datetime] = []
        self.now = datetime.now(AUCKLAND)
        self.midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)

    async def session(
        self,
        began: datetime,
        lasted_s: float | None,
        session_id: UUID | None = None,
        owner: str | None = None,
    ) -> UUID:
        """A call; without a length it goes on."""
        session_id = session_id or new_id()
        ended = began + timedelta(seconds=lasted_s) if lasted_s is not None else None
        await self.database.execute(
            "INSERT INTO voice_sessions (session_id, started_at, ended_at, is_active, owner)"
            " VALUES ($1, $2, $3, $4, $5)",
            session_id,
            began,
            ended,
            ended is None,
            owner,
        )
        self.sessions.append((session_id, began, ended))
        return session_id

    async def tool(self, session_id: UUID, action: str, status: str, at: datetime, key: str = "") -> None:
        await self.database.execute(
            "INSERT INTO voice_tool_invocations (invocation_id, session_id, idempotency_key, agent, action, arguments,"
            " risk, status, requested_at, started_at) VALUES ($1, $2, $3, 'a', $4, '{}', 'read', $5, $6, $7)",
            new_id(),
            session_id,
            key or str(new_id()),
            action,
            status,
            at,
            None if status in ("requested", "denied") else at,
        )
        if not key and status not in ("requested", "denied", "superseded"):
            self.tools.append((action, status, at))

    async def latency(self, session_id: UUID, span: str, ms: float, at: datetime) -> None:
        await self.database.execute(
            "INSERT INTO voice_latencies (latency_id, session_id, span, ms, at) VALUES ($1, $2, $3, $4, $5)",
            new_id(),
            session_id,
            span,
            ms,
            at,
        )
        if span == "turn":
            self.latencies.append((ms, at))

    async def spoken_over(self, session_id: UUID, kind: str, at: datetime) -> None:
        await self.database.execute(
            "INSERT INTO voice_barge_in_events (event_id, session_id, timestamp, kind) VALUES ($1, $2, $3, $4)",
            new_id(),
            session_id,
            at,
            kind,
        )
        if kind == "barge_in":
            self.barge_ins.append(at)

    def began(
        self, start: datetime, end: datetime | None = None
    ) -> list[tuple[UUID, datetime, datetime | None]]:
        return [each for each in self.sessions if start <= each[1] and (end is None or each[1] < end)]


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(for_psql(database_url))
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def empty(database: asyncpg.Connection) -> House:
    return House(database)


@pytest_asyncio.fixture
async def house(empty: House) -> House:
    """Two days of calls: yesterday's, one a second before midnight, today's, and the present one."""
    midnight, now = empty.midnight, empty.now
    yesterday = midnight - timedelta(hours=20)
    for at, lasted in ((yesterday, 600), (midnight - timedelta(seconds=1), 30)):
        await empty.session(at, lasted)
    first = await empty.session(midnight, 200)
    await empty.session(midnight + (now - midnight) / 2, 75.4)
    this = await empty.session(now, None, THIS)
    for action, status, at in (
        ("tell_time", "success", midnight),
        ("tell_time", "error", now),
        ("calculate", "success", now),
        ("calculate", "success", now),
        ("oven_heat", "unknown", now),
        ("oven_heat", "denied", now),
        ("oven_heat", "superseded", now),
        ("oven_heat", "requested", now),
        ("tell_date", "error", yesterday),
    ):
        await empty.tool(first, action, status, at)
    await empty.tool(this, "most_used_tool", "running", now, "this question")
    for span, ms, at in (
        ("turn", 400.0, midnight),
        ("turn", 900.0, now),
        ("turn", 650.0, now),
        ("turn", 50.0, yesterday),
        ("tool", 1.0, now),
    ):
        await empty.latency(first, span, ms, at)
    for kind, at in (
        ("barge_in", now),
        ("barge_in", midnight),
        ("backchannel", now),
        ("barge_in", yesterday),
    ):
        await empty.spoken_over(first, kind, at)
    return empty


async def ask(question: Any, store: Store, caller: Caller = CALLER, **period: str) -> Answer:
    answer = await question(store=store, caller=caller, **period)
    assert isinstance(answer, Answer)
    return answer


async def test_todays_calls_are_counted_by_the_callers_midnight_and_this_one_with_them(
    house: House, store: Store
) -> None:
    answer = await ask(calls.count_calls, store)
    today = house.began(house.midnight)
    assert len(today) == 3
    assert answer.text == "We've had 3 calls today, this one included."
    assert (answer.data["calls"], answer.data["with_this_one"]) == (3, True)


async def test_elsewhere_today_is_another_day(house: House, store: Store) -> None:
    there = ZoneInfo("Pacific/Honolulu")
    midnight = house.now.astimezone(there).replace(hour=0, minute=0, second=0, microsecond=0)
    answer = await ask(calls.count_calls, store, Caller("k", timezone="Pacific/Honolulu"))
    assert answer.data["calls"] == len(house.began(midnight, midnight + timedelta(days=1)))


async def test_what_is_over_is_told_as_past_and_without_this_call(house: House, store: Store) -> None:
    yesterday = house.midnight - timedelta(days=1)
    assert len(house.began(yesterday, house.midnight)) == 2
    assert (await ask(calls.count_calls, store, period="yesterday")).text == "We had 2 calls yesterday."


@pytest.mark.parametrize(
    "period", ["this week", "since monday", "this month", "in the last 24 hours", "so far"]
)
async def test_every_period_agrees_with_a_count_of_its_own(house: House, store: Store, period: str) -> None:
    answer = await ask(calls.count_calls, store, period=period)
    bounds = [datetime.fromisoformat(at) if at else None for at in (answer.data["start"], answer.data["end"])]
    start = bounds[0] or house.midnight - timedelta(days=3650)
    assert answer.data["calls"] == len(house.began(start, bounds[1]))
    assert period.removeprefix("in ") in answer.text.replace("Monday", "monday")


async def test_the_first_call_ever_is_this_one(empty: House, store: Store) -> None:
    await empty.session(empty.now, None, THIS)
    assert (await ask(calls.count_calls, store)).text == "We've had one call today, and this is it."
    assert (await ask(calls.count_running_calls, store)).text == "There's only this one."


async def test_calls_under_way_are_counted(house: House, store: Store) -> None:
    await house.session(house.now, None)
    running = [each for each in house.sessions if each[2] is None]
    answer = await ask(calls.count_running_calls, store)
    assert answer.text == f"There are {len(running)} calls right now, this one included."
    outside = await ask(calls.count_running_calls, store, Caller("k"))
    assert outside.text == "There are 2 calls right now."


async def test_the_longest_the_average_and_the_sum_are_those_of_the_rows(house: House, store: Store) -> None:
    yesterday = house.began(house.midnight - timedelta(days=1), house.midnight)
    lengths = [(ended - began).total_seconds() for _, began, ended in yesterday if ended]
    longest = await ask(calls.longest_call, store, period="yesterday")
    assert (longest.text, longest.data["seconds"]) == (
        "The longest call yesterday took 10 minutes.",
        max(lengths),
    )
    average = await ask(calls.average_call, store, period="yesterday")
    assert average.text == "On average a call yesterday took 5 minutes and 15 seconds, over 2 calls."
    assert average.data["seconds"] == sum(lengths) / len(lengths)
    together = await ask(calls.time_in_calls, store, period="yesterday")
    assert together.text == "All calls yesterday together took 10 minutes and 30 seconds, over 2 calls."


async def test_a_longest_call_that_goes_on_is_said_to(empty: House, store: Store) -> None:
    await empty.session(empty.now - timedelta(minutes=3), None, THIS)
    assert "is this one, 3 minutes" in (await ask(calls.longest_call, store, period="so far")).text
    other = await ask(calls.longest_call, store, Caller("k"), period="so far")
    assert "still goes on, for 3 minutes" in other.text
    assert (await ask(calls.this_call, store)).text.startswith("We've been talking for 3 minutes")


async def test_interruptions_are_those_that_cut_the_agent_short(house: House, store: Store) -> None:
    today = [at for at in house.barge_ins if at >= house.midnight]
    assert len(today) == 2
    assert (await ask(calls.count_interruptions, store)).text == "I was interrupted twice today."
    assert (
        await ask(calls.count_interruptions, store, period="yesterday")
    ).text == "I was interrupted once yesterday."


async def test_the_most_used_tool_is_told_without_this_question(house: House, store: Store) -> None:
    today = [action for action, _, at in house.tools if at >= house.midnight]
    counts = {action: today.count(action) for action in today}
    assert counts == {"tell_time": 2, "calculate": 2, "oven_heat": 1}
    answer = await ask(calls.most_used_tool, store)
    assert answer.text == "Calculate and tell time were used most today, twice each."
    assert {row["action"]: row["calls"] for row in answer.data["tools"]} == counts
    assert (await ask(calls.most_used_tool, store, period="yesterday")).text == (
        "Tell date was used most yesterday, once."
    )


async def test_tools_that_failed_are_named_and_an_unknown_end_counts(house: House, store: Store) -> None:
    answer = await ask(calls.failed_tools, store)
    today = [status for _, status, at in house.tools if at >= house.midnight]
    assert (answer.data["runs"], answer.data["failures"]) == (
        len(today),
        sum(status in ("error", "unknown") for status in today),
    )
    assert answer.text == "2 of 5 tool runs failed today: oven heat and tell time."


async def test_the_speed_of_answers_is_the_median_of_turns(house: House, store: Store) -> None:
    today = [ms for ms, at in house.latencies if at >= house.midnight]
    answer = await ask(calls.answer_speed, store)
    assert answer.data["median_ms"] == median(today) == 650.0
    assert answer.data["p95_ms"] == pytest.approx(quantiles(today, n=20, method="inclusive")[-1])
    assert answer.text == "Half of my answers today began within 0.65 seconds, measured over 3 answers."


async def test_where_nothing_was_nothing_is_invented(empty: House, store: Store) -> None:
    said = {question.__name__: (await ask(question, store)).text for question in PERIODIC}
    assert said == {
        "count_calls": "We've had no calls today.",
        "longest_call": "There was no call today.",
        "average_call": "There was no call today.",
        "time_in_calls": "There was no call today.",
        "count_interruptions": "Nobody interrupted me today.",
        "most_used_tool": "No tool was used today, but for this question.",
        "failed_tools": "No tool failed today.",
        "answer_speed": "I have no measured answer today.",
    }
    with pytest.raises(Refused, match="don't know of a call"):
        await calls.this_call(store=store, caller=CALLER)


PERIODIC = (
    calls.count_calls,
    calls.longest_call,
    calls.average_call,
    calls.time_in_calls,
    calls.count_interruptions,
    calls.most_used_tool,
    calls.failed_tools,
    calls.answer_speed,
)


async def test_a_key_is_told_of_its_own_calls_and_the_house_of_all(empty: House, store: Store) -> None:
    now = empty.now
    bakerys = await empty.session(now, 60, owner="bakery")
    garages = await empty.session(now, None, THIS, owner="garage")
    for session_id, action, ms in ((bakerys, "bake", 400.0), (garages, "tow", 900.0)):
        await empty.tool(session_id, action, "error", now)
        await empty.latency(session_id, "turn", ms, now)
        await empty.spoken_over(session_id, "barge_in", now)

    async def told(owner: str | None) -> dict[str, Any]:
        caller = Caller("k", session_id=THIS, timezone="Pacific/Auckland", owner=owner)
        data = {each.__name__: (await ask(each, store, caller)).data for each in PERIODIC}
        running = await ask(calls.count_running_calls, store, caller)
        return {
            "calls": data["count_calls"]["calls"],
            "running": running.data["calls"],
            "counted": data["average_call"].get("calls"),
            "together": data["time_in_calls"].get("calls"),
            "longest": data["longest_call"].get("session_id"),
            "interruptions": data["count_interruptions"]["interruptions"],
            "tools": sorted(row["action"] for row in data["most_used_tool"]["tools"]),
            "failed": data["failed_tools"]["failures"],
            "answers": data["answer_speed"]["answers"],
        }

    one = dict.fromkeys(("calls", "counted", "together", "interruptions", "failed", "answers"), 1)
    assert await told("bakery") == one | {"running": 0, "longest": str(bakerys), "tools": ["bake"]}
    assert await told("garage") == one | {"running": 1, "longest": str(THIS), "tools": ["tow"]}
    nothing = dict.fromkeys(one, 0)
    assert await told("barber") == nothing | {"running": 0, "longest": None, "tools": []}
    both = dict.fromkeys(one, 2)
    assert await told(None) == both | {"running": 1, "longest": str(bakerys), "tools": ["bake", "tow"]}
    with pytest.raises(Refused, match="don't know of a call"):
        await calls.this_call(store=store, caller=Caller("k", session_id=THIS, owner="bakery"))


@pytest.mark.parametrize("question", PERIODIC)
async def test_a_period_that_is_none_is_refused(empty: House, store: Store, question: Any) -> None:
    with pytest.raises(Refused, match="which time you mean"):
        await ask(question, store, period="tuna")


async def test_a_database_that_is_away_is_told_from_an_empty_one() -> None:
    away = Store("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable):
        await ask(calls.count_calls, away)
    await away.close()
