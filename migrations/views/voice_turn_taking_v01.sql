-- Who took the floor when; a day (UTC) and mode. Positions are samples of the session clock, 24 a millisecond.
--   end:     a user's turn that ended while the agent was silent;
--            taken when an agent's turn began before the user's next one, `ms` later
--   pause:   200 ms to 2 s of silence between two words of the user, of one turn or of two;
--            taken when an agent's turn began in it and still sounded as the user went on: the agent cut in
--   overlap: `ms` in which a turn of the user and one of the agent sounded at once
--   speech:  `ms` of one turn, of either
CREATE VIEW voice_turn_taking AS
WITH turns AS (
    SELECT
        session_id,
        speaker,
        words,
        start_samples,
        end_samples,
        int8range(start_samples, end_samples) AS sound,
        lead(start_samples) OVER (PARTITION BY session_id, speaker ORDER BY start_samples) AS next_start
    FROM voice_turns
    WHERE speaker IN ('user', 'agent') AND end_samples > start_samples
),
agent AS (
    SELECT * FROM turns WHERE speaker = 'agent'
),
ends AS (
    SELECT
        u.session_id,
        u.end_samples,
        (
            SELECT min(agent.start_samples) FROM agent
            WHERE agent.session_id = u.session_id
                AND agent.start_samples >= u.end_samples
                AND (u.next_start IS NULL OR agent.start_samples < u.next_start)
        ) AS answer_samples
    FROM turns AS u
    WHERE u.speaker = 'user'
        AND NOT EXISTS (
            SELECT FROM agent WHERE agent.session_id = u.session_id AND agent.sound @> u.end_samples - 1
        )
),
words AS (
    SELECT
        u.session_id,
        (word ->> 'start')::bigint AS start_samples,
        lag((word ->> 'end')::bigint) OVER (
            PARTITION BY u.session_id ORDER BY (word ->> 'start')::bigint
        ) AS last_end
    FROM turns AS u
    CROSS JOIN LATERAL jsonb_array_elements(u.words) AS word
    WHERE u.speaker = 'user'
),
facts AS (
    SELECT
        session_id,
        'end' AS what,
        answer_samples IS NOT NULL AS taken,
        (answer_samples - end_samples) / 24.0::double precision AS ms
    FROM ends
    UNION ALL
    SELECT
        w.session_id,
        'pause',
        EXISTS (
            SELECT FROM agent
            WHERE agent.session_id = w.session_id
                AND agent.start_samples >= w.last_end
                AND agent.start_samples < w.start_samples
                AND agent.end_samples > w.start_samples
        ),
        NULL
    FROM words AS w
    WHERE w.start_samples - w.last_end BETWEEN 200 * 24 AND 2000 * 24
    UNION ALL
    SELECT
        u.session_id,
        'overlap',
        NULL,
        (upper(u.sound * agent.sound) - lower(u.sound * agent.sound)) / 24.0::double precision
    FROM turns AS u
    JOIN agent ON agent.session_id = u.session_id AND agent.sound && u.sound
    WHERE u.speaker = 'user'
    UNION ALL
    SELECT session_id, 'speech', NULL, (end_samples - start_samples) / 24.0::double precision
    FROM turns
)
SELECT
    (s.started_at AT TIME ZONE 'UTC')::date AS day,
    s.mode,
    count(DISTINCT s.session_id) AS sessions,
    count(*) FILTER (WHERE what = 'end') AS ends,
    avg(taken::int::double precision) FILTER (WHERE what = 'end') AS takeover_rate_at_ends,
    count(*) FILTER (WHERE what = 'pause') AS pauses,
    avg(taken::int::double precision) FILTER (WHERE what = 'pause') AS takeover_rate_at_pauses,
    coalesce(sum(ms) FILTER (WHERE what = 'overlap'), 0) AS overlap_ms,
    coalesce(sum(ms) FILTER (WHERE what = 'overlap'), 0) / sum(ms) FILTER (WHERE what = 'speech') AS overlap_share,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE what = 'end') AS response_p50_ms,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) FILTER (WHERE what = 'end') AS response_p95_ms
FROM voice_sessions AS s
LEFT JOIN facts USING (session_id)
GROUP BY 1, 2;
