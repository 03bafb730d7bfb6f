-- What did mail bounce for: reason, scope, permanence, and what is to be done about it?
-- unit: events
-- default provider: ''
-- default campaign: ''
-- default limit: 50
-- Only permanent failures of scope address or domain speak of the list's quality.
SELECT
    bounce_reason,
    bounce_scope,
    bounce_permanence,
    bounce_action,
    count() AS bounces,
    uniqExact(tenant, recipient_key) AS recipients,
    uniqExact(campaign_id) AS campaigns,
    topK(1)(campaign_id)[1] AS main_campaign,
    max(occurred_at) AS last_at
FROM mailweir.email_events FINAL
PREWHERE occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({provider:String} = '' OR mailbox_provider = {provider:String})
  AND ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND event_type = 'bounced'
GROUP BY bounce_reason, bounce_scope, bounce_permanence, bounce_action
ORDER BY bounces DESC, bounce_reason, bounce_scope
LIMIT {limit:UInt32}
