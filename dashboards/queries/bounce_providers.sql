-- Which mailbox provider bounces for which reason?
-- unit: events
-- default provider: ''
-- default campaign: ''
-- default limit: 60
SELECT
    if(mailbox_provider = '', 'other', mailbox_provider) AS provider,
    bounce_reason,
    bounce_scope,
    count() AS bounces,
    bounces / sum(bounces) OVER (PARTITION BY provider) AS share_of_provider
FROM mailweir.email_events FINAL
PREWHERE occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({provider:String} = '' OR mailbox_provider = {provider:String})
  AND ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND event_type = 'bounced'
GROUP BY provider, bounce_reason, bounce_scope
ORDER BY bounces DESC, provider, bounce_reason
LIMIT {limit:UInt32}
