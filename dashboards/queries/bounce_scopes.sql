-- Whom do bounces speak of over time: the address, the sender's IP or domain, the content?
-- unit: events
-- default provider: ''
-- default campaign: ''
-- default bucket_s: 300
SELECT
    toStartOfInterval(occurred_at, toIntervalSecond(greatest({bucket_s:UInt32}, 1))) AS time,
    if(bounce_scope = '', 'unknown', bounce_scope) AS scope,
    toFloat64(count()) AS bounces
FROM mailweir.email_events FINAL
PREWHERE occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({provider:String} = '' OR mailbox_provider = {provider:String})
  AND ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND event_type = 'bounced'
GROUP BY time, scope
ORDER BY time, scope
LIMIT 20000
