"""The SQL behind questions about the calls, over the tables of docs/tables.md.

Each takes `owner`, under whose key the calls were made (NULL: any), and `start` and `end` (timestamptz; NULL is open)
where a period was asked for. A running call lasts up to now.
"""


def _in_period(column: str) -> str:
    return (
        f"{column} >= coalesce(CAST(:start AS timestamptz), '-infinity')"
        f" AND {column} < coalesce(CAST(:end AS timestamptz), 'infinity')"
    )


_THEIRS = "(CAST(:owner AS text) IS NULL OR owner = CAST(:owner AS text))"
_IN_THEIRS = (
    "(CAST(:owner AS text) IS NULL"
    " OR session_id IN (SELECT session_id FROM voice_sessions WHERE owner = CAST(:owner AS text)))"
)
_LASTED = "EXTRACT(EPOCH FROM coalesce(ended_at, now()) - started_at)::float8"

COUNT = (
    "SELECT count(*) AS calls, count(*) FILTER (WHERE session_id = CAST(:this AS uuid)) AS this"
    f" FROM voice_sessions WHERE {_THEIRS} AND {_in_period('started_at')}"
)
NOW = (
    "SELECT count(*) AS calls, count(*) FILTER (WHERE session_id = CAST(:this AS uuid)) AS this"
    f" FROM voice_sessions WHERE {_THEIRS} AND is_active"
)
LENGTHS = (
    f"SELECT count(*) AS calls, avg({_LASTED})::float8 AS average_s, sum({_LASTED})::float8 AS total_s"
    f" FROM voice_sessions WHERE {_THEIRS} AND {_in_period('started_at')}"
)
LONGEST = (
    f"SELECT session_id, started_at, is_active, {_LASTED} AS seconds FROM voice_sessions"
    f" WHERE {_THEIRS} AND {_in_period('started_at')} ORDER BY seconds DESC, session_id LIMIT 1"
)
THIS = (
    f"SELECT started_at, {_LASTED} AS seconds FROM voice_sessions"
    f" WHERE {_THEIRS} AND session_id = CAST(:this AS uuid)"
)
INTERRUPTIONS = (
    "SELECT count(*) AS interruptions FROM voice_barge_in_events"
    f" WHERE {_IN_THEIRS} AND kind = 'barge_in' AND {_in_period('timestamp')}"
)
TOOLS = (
    "SELECT agent, action, count(*) AS calls,"
    " count(*) FILTER (WHERE status IN ('error', 'unknown')) AS failures"
    " FROM voice_tool_invocations WHERE started_at IS NOT NULL AND status <> 'superseded'"
    f" AND {_IN_THEIRS} AND idempotency_key <> :key AND {_in_period('started_at')}"
    " GROUP BY agent, action ORDER BY calls DESC, agent, action"
)
"""What was run, the question itself left out."""
ANSWERS = (
    "SELECT count(*) AS answers, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::float8 AS median_ms,"
    " percentile_cont(0.95) WITHIN GROUP (ORDER BY ms)::float8 AS p95_ms"
    f" FROM voice_latencies WHERE {_IN_THEIRS} AND span = 'turn' AND {_in_period('at')}"
)
