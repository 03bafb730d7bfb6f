-- How did a key's score move, and how sure was it?
-- unit: points (0 to 100)
-- default kind: 'campaign'
-- default key: ''
-- default bucket_s: 60
-- The last score of each step with its 90 % interval, for at most 20 keys, those that stood worst at the end.
WITH chosen AS (
    SELECT tenant, key
    FROM mailweir.reputation_scores
    WHERE kind = {kind:String}
      AND scored_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND scored_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND ({tenant:String} = '' OR tenant = {tenant:String})
      AND ({key:String} = '' OR key = {key:String})
    GROUP BY tenant, key
    ORDER BY argMax(score, version), tenant, key
    LIMIT 20
)
SELECT
    toStartOfInterval(scored_at, toIntervalSecond(greatest({bucket_s:UInt32}, 1))) AS time,
    s.key AS key,
    argMax(s.score_low, s.version) AS low,
    argMax(s.score, s.version) AS newest,
    argMax(s.score_high, s.version) AS high
FROM mailweir.reputation_scores AS s
WHERE kind = {kind:String}
  AND scored_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND scored_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND (tenant, s.key) IN chosen
GROUP BY time, tenant, key
ORDER BY time, tenant, key
LIMIT 20000
