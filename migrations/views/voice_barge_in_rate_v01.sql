-- How often the agent is spoken over, what that was, and how fast it fell silent; a day (UTC) and mode.
CREATE VIEW voice_barge_in_rate AS
WITH turns AS (
    SELECT
        (s.started_at AT TIME ZONE 'UTC')::date AS day,
        s.mode,
        count(DISTINCT s.session_id) AS sessions,
        count(t.turn_id) AS agent_turns
    FROM voice_sessions AS s
    LEFT JOIN voice_turns AS t ON t.session_id = s.session_id AND t.speaker = 'agent'
    GROUP BY 1, 2
),
sounds AS (
    SELECT
        (s.started_at AT TIME ZONE 'UTC')::date AS day,
        s.mode,
        count(*) FILTER (WHERE b.kind = 'barge_in') AS barge_ins,
        count(*) FILTER (WHERE b.kind = 'backchannel') AS backchannels,
        count(*) FILTER (WHERE b.kind = 'false_alarm') AS false_alarms,
        count(*) FILTER (WHERE b.kind = 'echo') AS echoes,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY b.stop_ms) FILTER (WHERE b.kind = 'barge_in') AS stop_p50_ms,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY b.stop_ms) FILTER (WHERE b.kind = 'barge_in') AS stop_p95_ms
    FROM voice_barge_in_events AS b
    JOIN voice_sessions AS s USING (session_id)
    GROUP BY 1, 2
)
SELECT
    turns.day,
    turns.mode,
    turns.sessions,
    turns.agent_turns,
    coalesce(sounds.barge_ins, 0) AS barge_ins,
    coalesce(sounds.backchannels, 0) AS backchannels,
    coalesce(sounds.false_alarms, 0) AS false_alarms,
    coalesce(sounds.echoes, 0) AS echoes,
    coalesce(sounds.barge_ins, 0)::double precision / nullif(turns.agent_turns, 0) AS barge_in_rate,
    sounds.stop_p50_ms,
    sounds.stop_p95_ms
FROM turns
LEFT JOIN sounds ON sounds.day = turns.day AND sounds.mode IS NOT DISTINCT FROM turns.mode;
