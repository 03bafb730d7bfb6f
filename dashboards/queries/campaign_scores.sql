-- How good is the reputation of a campaign, in all and at each mailbox provider, and why?
-- unit: points (0 to 100)
-- default campaign: ''
-- The newest scores in the span, the campaign's own first.
WITH newest AS (
    SELECT tenant, kind, key, max(version) AS version
    FROM mailweir.reputation_scores
    WHERE ({tenant:String} = '' OR tenant = {tenant:String})
      AND (
          (kind = 'campaign' AND ({campaign:String} = '' OR key = {campaign:String}))
          OR (kind = 'campaign_provider' AND ({campaign:String} = '' OR startsWith(key, concat({campaign:String}, '|'))))
      )
      AND scored_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND as_of < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    GROUP BY tenant, kind, key
)
SELECT
    kind,
    key,
    level,
    score,
    score_low,
    score_high,
    as_of,
    scored_at,
    toJSONString(penalties) AS penalties,
    toJSONString(signals) AS signals,
    trend,
    advice
FROM mailweir.reputation_scores FINAL
WHERE (tenant, kind, key, version) IN newest
ORDER BY kind, score, key
LIMIT 20
