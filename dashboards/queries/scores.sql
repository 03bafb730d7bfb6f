-- How good is the reputation of every campaign, IP and domain, how sure are we, and why?
-- unit: points (0 to 100)
-- default kind: ''
-- default limit: 50
-- The newest score of each key scored in the span, worst first within each kind; kind '' means all kinds.
WITH newest AS (
    SELECT tenant, kind, key, max(version) AS version
    FROM mailweir.reputation_scores
    WHERE scored_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND scored_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND ({tenant:String} = '' OR tenant = {tenant:String})
      AND ({kind:String} = '' OR kind = {kind:String})
    GROUP BY tenant, kind, key
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
FROM mailweir.reputation_scores FINAL
WHERE (tenant, kind, key, version) IN newest
ORDER BY indexOf(['healthy', 'watch', 'recovering', 'throttled', 'paused'], level) DESC, score, key
LIMIT {limit:UInt32} BY kind
