-- Why was mail of a campaign refused or put off, by bounce class?
-- unit: messages
-- default campaign: ''
-- default limit: 30
-- The example is the commonest reply; addresses in it are masked.
SELECT
    if(event_type IN ('rejected', 'failed'), 'rejected', toString(event_type)) AS outcome,
    bounce_reason,
    bounce_scope,
    bounce_permanence,
    uniqExact(message_id, recipient_key, if(message_id = '' AND recipient_key = '', event_id, '')) AS messages,
    count() AS events,
    topK(1)(if(mailbox_provider = '', 'other', mailbox_provider))[1] AS main_provider,
    topKIf(1)(
        replaceRegexpAll(smtp_response, '[^\\s<>()]+@[^\\s<>()]+', '…@…'), smtp_response != ''
    )[1] AS example
FROM mailweir.email_events FINAL
WHERE ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND event_type IN ('bounced', 'deferred', 'rejected', 'failed')
GROUP BY outcome, bounce_reason, bounce_scope, bounce_permanence
ORDER BY indexOf(['bounced', 'rejected', 'deferred'], outcome), messages DESC, bounce_reason, bounce_scope
LIMIT {limit:UInt32}
