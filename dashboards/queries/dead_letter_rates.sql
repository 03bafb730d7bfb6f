-- How many records could not be processed over time, at which stage?
-- unit: records
-- default bucket_s: 60
SELECT
    toStartOfInterval(received_at, toIntervalSecond(greatest({bucket_s:UInt32}, 1))) AS time,
    concat(stage, ': ', code) AS cause,
    toFloat64(count()) AS records
FROM mailweir.dead_letters FINAL
WHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY time, cause
ORDER BY time, cause
LIMIT 20000
