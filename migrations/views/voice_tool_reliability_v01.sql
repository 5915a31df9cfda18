-- How often each tool does what it is asked for. What was denied, cancelled or superseded says nothing about the
-- tool, so the rate is of those that ran to an end, known or not.
CREATE VIEW voice_tool_reliability AS
SELECT
    agent,
    action,
    count(*) AS calls,
    count(*) FILTER (WHERE status = 'success') AS succeeded,
    count(*) FILTER (WHERE status = 'error') AS failed,
    count(*) FILTER (WHERE status = 'unknown') AS unknown,
    count(*) FILTER (WHERE status IN ('cancelled', 'denied', 'superseded')) AS withdrawn,
    count(*) FILTER (WHERE status IN ('requested', 'awaiting_approval', 'running')) AS open,
    count(*) FILTER (WHERE status = 'success')::double precision
        / nullif(count(*) FILTER (WHERE status IN ('success', 'error', 'unknown')), 0) AS success_rate,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE status = 'success') AS p50_ms,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE status = 'success') AS p95_ms,
    max(requested_at) FILTER (WHERE status IN ('error', 'unknown')) AS last_failed_at,
    max(requested_at) AS last_called_at
FROM voice_tool_invocations
GROUP BY agent, action;
