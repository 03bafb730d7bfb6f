-- How did the score of one key run, and how sure were we?
-- unit: points (0 to 100)
-- default kind: ''
-- default key: ''
-- default bucket_s: 300
-- The last score of each step that has one, by event time. A version's upper half is that time in seconds, and versions are
-- in the table's order: of the key's 90 days only the span is read.
SELECT
    toStartOfInterval(as_of, toIntervalSecond({bucket_s:UInt32})) AS time,
    argMax(score, (version, scored_at)) AS newest_score,
    argMax(score_low, (version, scored_at)) AS newest_low,
    argMax(score_high, (version, scored_at)) AS newest_high,
    argMax(level, (version, scored_at)) AS newest_level
FROM mailweir.reputation_scores
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({kind:String} = '' OR (kind = {kind:String} AND key = {key:String}))
  AND version >= intDiv({from_ms:Int64}, 1000) * 4294967296
  AND as_of >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND as_of < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
GROUP BY time
ORDER BY time
LIMIT 20000
