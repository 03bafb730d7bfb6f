-- Which replies stand behind refusals and deferrals, and since when?
-- unit: events
-- default provider: ''
-- default campaign: ''
-- default ip: ''
-- default limit: 30
-- Replies that differ only in addresses and numbers are one; addresses are masked, for this is about reasons, not people.
SELECT
    event_type,
    bounce_reason,
    replaceRegexpAll(
        replaceRegexpAll(smtp_response, '[^\\s<>()]+@[^\\s<>()]+', '…@…'), '[0-9a-fA-F]*[0-9]{4,}[0-9a-zA-Z._-]*', '…'
    ) AS reply,
    count() AS events,
    topK(3)(if(mailbox_provider = '', 'other', mailbox_provider)) AS providers,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at
FROM mailweir.email_events FINAL
PREWHERE occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({provider:String} = '' OR mailbox_provider = {provider:String})
  AND ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND ({ip:String} = '' OR sending_ip = {ip:String})
  AND event_type IN ('bounced', 'deferred', 'rejected')
GROUP BY event_type, bounce_reason, reply
ORDER BY events DESC, reply
LIMIT {limit:UInt32}
