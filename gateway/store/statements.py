"""The statements behind `gateway.store.queries`, each made once: to make one takes milliseconds, and all calls wait."""

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    ColumnElement,
    DateTime,
    Double,
    Integer,
    Select,
    Subquery,
    Table,
    Text,
    Uuid,
    all_,
    any_,
    bindparam,
    cast,
    exists,
    extract,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from gateway.store.tables import (
    InvocationStatus,
    voice_barge_in_events,
    voice_engine_changes,
    voice_events,
    voice_injections,
    voice_latencies,
    voice_sessions,
    voice_tool_invocations,
    voice_turns,
)

PARTS: Mapping[str, tuple[Table, tuple[ColumnElement[Any], ...]]] = {
    "turns": (voice_turns, (voice_turns.c.seq.nulls_last(), voice_turns.c.turn_id)),
    "tool_invocations": (
        voice_tool_invocations,
        (voice_tool_invocations.c.requested_at, voice_tool_invocations.c.invocation_id),
    ),
    "barge_ins": (
        voice_barge_in_events,
        (voice_barge_in_events.c.timestamp, voice_barge_in_events.c.event_id),
    ),
    "injections": (voice_injections, (voice_injections.c.created_at, voice_injections.c.injection_id)),
    "latencies": (voice_latencies, (voice_latencies.c.at, voice_latencies.c.latency_id)),
    "engine_changes": (voice_engine_changes, (voice_engine_changes.c.at, voice_engine_changes.c.change_id)),
}
"""What belongs to a session: table and order."""

ESCAPE = "/"
"""In front of what LIKE would take for a wildcard."""


def _wanted() -> Mapping[str, ColumnElement[bool]]:
    s, tools, turns = voice_sessions.c, voice_tool_invocations.c, voice_turns.c
    alike = {
        "active": s.is_active,
        "mode": s.mode,
        "persona": s.persona,
        "voice": s.voice_prompt,
        "user_id": s.user_id,
        "owner": s.owner,
        "conversation_id": s.conversation_id,
        "client": s.client,
        "end_reason": s.end_reason,
    }
    stands = tools.status == bindparam("tool_status")
    ids = ARRAY(Uuid())
    said = turns.text.icontains(bindparam("said"), escape=ESCAPE)
    return {
        **{name: column == bindparam(name) for name, column in alike.items()},
        "tool_status": exists().where(tools.session_id == s.session_id, stands),
        "said": exists().where(turns.session_id == s.session_id, said),
        "since": s.started_at >= bindparam("since"),
        "until": s.started_at < bindparam("until"),
        "among": s.session_id == any_(bindparam("among", type_=ids)),
        "besides": s.session_id != all_(bindparam("besides", type_=ids)),
    }


WANTED = _wanted()
"""By field of `SessionFilter`, whose value is the parameter of that name."""


@cache
def sessions(asked: frozenset[str], following: bool) -> Select[Any]:
    """A page: each session as JSON, and its place.

    Args:
        asked: fields of `SessionFilter`, each a parameter.
        following: behind the place `was_active`, `was_started_at`, `was_session_id`.
    """
    s = voice_sessions.c
    place = (s.is_active, s.started_at, s.session_id)
    query = select(voice_sessions).where(*(WANTED[name] for name in sorted(asked)))
    if following:
        was = (
            bindparam("was_active", type_=Boolean()),
            bindparam("was_started_at", type_=DateTime(timezone=True)),
            bindparam("was_session_id", type_=Uuid()),
        )
        query = query.where(tuple_(*place) < tuple_(*was))
    limit = bindparam("limit", type_=Integer())
    page = query.order_by(*(column.desc() for column in place)).limit(limit).subquery()
    shown = _summaries(page).subquery()
    return select(_json(shown), *(shown.c[column.name] for column in place)).order_by(
        *(shown.c[column.name].desc() for column in place)
    )


@cache
def session() -> Select[Any]:
    """The session `id` as `sessions` shows it, with its `PARTS`, as JSON."""
    page = select(voice_sessions).where(voice_sessions.c.session_id == bindparam("id")).subquery()
    parts = [_rows(table, order, page.c.session_id).label(name) for name, (table, order) in PARTS.items()]
    return select(_json(_summaries(page).add_columns(*parts).subquery()))


@cache
def injection() -> Select[Any]:
    """The injection `injection` of the session `id`, as JSON."""
    i = voice_injections.c
    query = select(voice_injections)
    query = query.where(i.session_id == bindparam("id"), i.injection_id == bindparam("injection"))
    return select(_json(query.subquery()))


@cache
def events() -> Select[bool, str, int, Any]:
    """Whether there is a session `id`; its events behind `after`, `limit` at most, as a JSON array; how many they are,
    and the last one's `seq`."""
    e = voice_events.c
    query = select(voice_events).where(e.session_id == bindparam("id"), e.seq > bindparam("after"))
    page = query.order_by(e.seq).limit(bindparam("limit", type_=Integer())).subquery()
    rows = func.json_agg(aggregate_order_by(func.row_to_json(page.table_valued()), page.c.seq))
    known = exists().where(voice_sessions.c.session_id == bindparam("id"))
    return select(known, cast(rows, Text), func.count(), func.max(page.c.seq)).select_from(page)


def _summaries(page: Subquery) -> Select[Any]:
    """The sessions of `page`, with what is counted and measured in each."""
    tools, barge_ins, spans = voice_tool_invocations, voice_barge_in_events, voice_latencies

    def of(table: Table, value: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
        own = table.c.session_id == page.c.session_id
        return select(value).select_from(table).where(own, *conditions).scalar_subquery()

    def object_of(**values: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.json_build_object(*(part for pair in values.items() for part in pair))

    def standing(status: str) -> ColumnElement[Any]:
        return func.nullif(func.count().filter(tools.c.status == status), 0)

    def percentile(share: float) -> ColumnElement[Any]:
        return func.percentile_cont(share).within_group(spans.c.ms)

    lasted = func.coalesce(page.c.ended_at, func.now()) - page.c.started_at
    counts = object_of(
        turns=of(voice_turns, func.count()),
        tool_invocations=of(tools, func.count()),
        tool_failures=of(tools, func.count(), tools.c.status.in_(["error", "unknown"])),
        barge_ins=of(barge_ins, func.count(), barge_ins.c.kind == "barge_in"),
    )
    by_status = object_of(**{status: standing(status) for status in get_args(InvocationStatus)})
    latency = object_of(p50=percentile(0.5), p95=percentile(0.95))
    return select(
        page,
        # The clocks of gateway and database may differ a little.
        func.greatest(cast(extract("epoch", lasted) * 1000, Double()), 0.0).label("duration_ms"),
        counts.label("counts"),
        of(tools, func.json_strip_nulls(by_status)).label("tools"),
        of(spans, latency, spans.c.span == "turn").label("turn_latency_ms"),
    )


def _rows(table: Table, order: tuple[ColumnElement[Any], ...], session_id: ColumnElement[UUID]) -> Any:
    """The rows of `table` that belong to the session, in order, as one JSON array."""
    rows = func.json_agg(aggregate_order_by(func.row_to_json(table.table_valued()), *order))
    none = cast(literal("[]", Text()), JSON)
    return select(func.coalesce(rows, none)).where(table.c.session_id == session_id).scalar_subquery()


def _json(shown: Subquery) -> ColumnElement[str]:
    """Each row of `shown` as a JSON object."""
    return cast(func.row_to_json(shown.table_valued()), Text)
