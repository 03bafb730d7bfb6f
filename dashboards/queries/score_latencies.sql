-- How long did it take from the webhook to the score that counts it, over time?
-- unit: ms
-- default bucket_s: 5
-- From the receipt of the longest-waiting event that a score counted for the first time.
SELECT
    toStartOfInterval(scored_at, toIntervalSecond(greatest({bucket_s:UInt32}, 1))) AS time,
    quantileTDigest(0.5)(dateDiff('millisecond', oldest_new_received_at, scored_at)) AS post_to_score_p50,
    quantileTDigest(0.99)(dateDiff('millisecond', oldest_new_received_at, scored_at)) AS post_to_score_p99
FROM mailweir.reputation_scores
WHERE scored_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND scored_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND oldest_new_received_at > fromUnixTimestamp64Milli(0, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY time
ORDER BY time
LIMIT 20000
