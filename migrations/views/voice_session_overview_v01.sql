-- One row a call: who, what, how much of everything, how fast.
CREATE VIEW voice_session_overview AS
SELECT
    s.session_id,
    s.conversation_id,
    s.mode,
    s.persona,
    s.voice_prompt,
    s.user_id,
    s.node,
    s.started_at,
    s.ended_at,
    s.is_active,
    s.end_reason,
    s.fallback_reason,
    extract(epoch FROM coalesce(s.ended_at, now()) - s.started_at)::double precision * 1000 AS duration_ms,
    turns.user_turns,
    turns.agent_turns,
    turns.user_speech_ms,
    turns.agent_speech_ms,
    tools.tool_calls,
    tools.tools_succeeded,
    tools.tools_failed,
    sounds.barge_ins,
    sounds.backchannels,
    spans.turn_p50_ms,
    spans.turn_p95_ms
FROM voice_sessions AS s
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE speaker = 'user') AS user_turns,
        count(*) FILTER (WHERE speaker = 'agent') AS agent_turns,
        sum(duration_ms) FILTER (WHERE speaker = 'user') AS user_speech_ms,
        sum(duration_ms) FILTER (WHERE speaker = 'agent') AS agent_speech_ms
    FROM voice_turns WHERE session_id = s.session_id
) AS turns
CROSS JOIN LATERAL (
    SELECT
        count(*) AS tool_calls,
        count(*) FILTER (WHERE status = 'success') AS tools_succeeded,
        count(*) FILTER (WHERE status IN ('error', 'unknown')) AS tools_failed
    FROM voice_tool_invocations WHERE session_id = s.session_id
) AS tools
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE kind = 'barge_in') AS barge_ins,
        count(*) FILTER (WHERE kind = 'backchannel') AS backchannels
    FROM voice_barge_in_events WHERE session_id = s.session_id
) AS sounds
CROSS JOIN LATERAL (
    SELECT
        percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS turn_p50_ms,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS turn_p95_ms
    FROM voice_latencies WHERE session_id = s.session_id AND span = 'turn'
) AS spans;
