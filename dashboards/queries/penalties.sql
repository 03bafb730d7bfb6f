-- What costs the keys points, and how far beyond its limit is it?
-- unit: points
-- default kind: ''
-- default key: ''
-- default limit: 50
-- Of the newest score of each key scored in the span; penalties of a key sum to 100 less its score.
SELECT
    kind,
    key,
    penalty.name AS cause,
    penalty.points AS points,
    penalty.rate AS rate,
    penalty.limit AS allowed,
    penalty.reason AS why
FROM (
    SELECT tenant, kind, key, argMax(s.penalties, s.version) AS newest
    FROM mailweir.reputation_scores AS s
    WHERE scored_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND scored_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND ({tenant:String} = '' OR tenant = {tenant:String})
      AND ({kind:String} = '' OR kind = {kind:String})
      AND ({key:String} = '' OR key = {key:String} OR startsWith(key, concat({key:String}, '|')))
    GROUP BY tenant, kind, key
)
ARRAY JOIN newest AS penalty
ORDER BY points DESC, kind, key, cause
LIMIT {limit:UInt32}
