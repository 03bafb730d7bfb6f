-- How long did the events of the span wait for their row?
-- unit: s
-- The 99th percentile from receipt to row. A sink that has stopped shows in `alert_event_age`.
SELECT ifNotFinite(quantileTDigest(0.99)(dateDiff('millisecond', received_at, inserted_at)) / 1000, 0) AS lag_s
FROM mailweir.email_events
PREWHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
