-- How many mail events of each type arrive per second?
-- unit: events/s
-- default bucket_s: 5
SELECT
    toStartOfInterval(received_at, toIntervalSecond({bucket_s:UInt32})) AS time,
    event_type,
    count() / {bucket_s:UInt32} AS events_per_s
FROM mailweir.email_events FINAL
PREWHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY time, event_type
ORDER BY time, event_type
LIMIT 20000
