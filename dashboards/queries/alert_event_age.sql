-- How long ago was the newest mail event received?
-- unit: s
-- The span's length where nothing was received in it, so that silence is a number too.
SELECT
    ({to_ms:Int64} - greatest(toUnixTimestamp64Milli(max(received_at)), {from_ms:Int64})) / 1000 AS age_s
FROM mailweir.email_events
PREWHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
