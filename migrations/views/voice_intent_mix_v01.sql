-- What users want; a day (UTC) and mode. Turns that nobody classified (typed away, not understood) are left out.
CREATE VIEW voice_intent_mix AS
SELECT
    (coalesce(t.started_at, s.started_at) AT TIME ZONE 'UTC')::date AS day,
    s.mode,
    t.intent,
    count(*) AS turns,
    count(*)::double precision / sum(count(*)) OVER (
        PARTITION BY (coalesce(t.started_at, s.started_at) AT TIME ZONE 'UTC')::date, s.mode
    ) AS share,
    avg(t.intent_confidence) AS mean_confidence
FROM voice_turns AS t
JOIN voice_sessions AS s USING (session_id)
WHERE t.speaker = 'user' AND t.intent IS NOT NULL
GROUP BY 1, 2, 3;
