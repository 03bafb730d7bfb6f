-- For which reasons was mail refused or put off over time?
-- unit: events
-- default provider: ''
-- default campaign: ''
-- default bucket_s: 300
SELECT
    toStartOfInterval(occurred_at, toIntervalSecond(greatest({bucket_s:UInt32}, 1))) AS time,
    if(bounce_reason = '', 'unknown', bounce_reason) AS reason,
    toFloat64(count()) AS events
FROM mailweir.email_events FINAL
PREWHERE occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({provider:String} = '' OR mailbox_provider = {provider:String})
  AND ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND event_type IN ('bounced', 'deferred')
GROUP BY time, reason
ORDER BY time, reason
LIMIT 20000
