-- How good is the reputation of every campaign, IP and domain, how sure are we, and why?
-- unit: points (0 to 100)
-- default kind: ''
-- default limit: 50
-- The newest score of each key scored in the span, worst first within each kind; kind '' means all kinds. What is shown is
-- chosen by narrow columns first: the lists of penalties and signals are most of a row.
WITH newest AS (
    SELECT tenant, kind, key, max(s.version) AS newest_version
    FROM mailweir.reputation_scores AS s
    WHERE scored_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND scored_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND ({tenant:String} = '' OR tenant = {tenant:String})
      AND ({kind:String} = '' OR kind = {kind:String})
    GROUP BY tenant, kind, key
    ORDER BY
        indexOf(['healthy', 'watch', 'recovering', 'throttled', 'paused'], argMax(s.level, s.version)) DESC,
        argMax(s.score, s.version),
        key
    LIMIT {limit:UInt32} BY kind
)
SELECT
    tenant,
    kind,
    key,
    level,
    score,
    score_low,
    score_high,
    as_of,
    window_start,
    scored_at,
    sent,
    delivered,
    bounced_address,
    bounced_block,
    bounced_content + bounced_other AS bounced_rest,
    deferred + deferred_reputation AS put_off,
    complained,
    unsubscribed,
    toJSONString(penalties) AS penalties,
    toJSONString(signals) AS signals,
    trend,
    advice,
    toJSONString(emulations) AS emulations
FROM (
    SELECT *
    FROM mailweir.reputation_scores
    PREWHERE scored_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND scored_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND (tenant, kind, key, version) IN newest
    ORDER BY scored_at DESC
    LIMIT 1 BY tenant, kind, key
)
ORDER BY indexOf(['healthy', 'watch', 'recovering', 'throttled', 'paused'], level) DESC, score, key
LIMIT {limit:UInt32} BY kind
