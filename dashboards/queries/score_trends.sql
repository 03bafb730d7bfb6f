-- How did the score of each key run, in equal steps, worst key first?
-- unit: points (0 to 100)
-- default bucket_s: 15
-- default limit: 30
-- One row a key, for small lines beside the scores; `scores` holds the last score of each step that has one.
SELECT tenant, kind, key, groupArray(newest_score) AS scores
FROM (
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
    GROUP BY time, tenant, kind, key
    ORDER BY time
)
GROUP BY tenant, kind, key
ORDER BY scores[-1], key
LIMIT {limit:UInt32} BY kind
