-- How long did events take from the webhook to a row, over time?
-- unit: ms
-- default bucket_s: 5
SELECT
    toStartOfInterval(received_at, toIntervalSecond(greatest({bucket_s:UInt32}, 1))) AS time,
    quantileTDigest(0.5)(dateDiff('millisecond', received_at, inserted_at)) AS post_to_row_p50,
    quantileTDigest(0.99)(dateDiff('millisecond', received_at, inserted_at)) AS post_to_row_p99
FROM mailweir.email_events
PREWHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY time
ORDER BY time
LIMIT 20000
