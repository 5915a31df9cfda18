-- How long each span took, a day (UTC) and engine. A span outside of any turn counts for the session's own engine.
CREATE VIEW voice_latency_by_day AS
SELECT
    (l.at AT TIME ZONE 'UTC')::date AS day,
    coalesce(t.engine, s.mode) AS engine,
    l.span,
    count(*) AS measured,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY l.ms) AS p50_ms,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY l.ms) AS p95_ms,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY l.ms) AS p99_ms,
    max(l.ms) AS max_ms
FROM voice_latencies AS l
JOIN voice_sessions AS s USING (session_id)
LEFT JOIN voice_turns AS t USING (turn_id)
GROUP BY 1, 2, 3;
