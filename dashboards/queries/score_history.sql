-- How did the reputation of each campaign, IP and domain move?
-- unit: points (0 to 100)
-- default kind: 'campaign'
-- default bucket_s: 15
SELECT
    toStartOfInterval(scored_at, toIntervalSecond({bucket_s:UInt32})) AS time,
    tenant,
    kind,
    key,
    argMax(score, version) AS newest_score
FROM mailweir.reputation_scores
WHERE scored_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND scored_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({kind:String} = '' OR kind = {kind:String})
GROUP BY time, tenant, kind, key
ORDER BY time, tenant, kind, key
LIMIT 20000
