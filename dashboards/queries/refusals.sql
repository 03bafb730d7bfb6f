-- Why was mail refused or put off, in the mailbox providers' own words?
-- unit: events
-- default limit: 12
-- Addresses inside the replies are masked: the panel is about reasons, not people.
SELECT
    event_type,
    bounce_reason,
    bounce_scope,
    enhanced_status,
    count() AS events,
    uniqExact(mailbox_provider) AS providers,
    topK(1)(if(mailbox_provider = '', 'other', mailbox_provider))[1] AS main_provider,
    replaceRegexpAll(any(smtp_response), '[^\\s<>()]+@[^\\s<>()]+', '…@…') AS example
FROM mailweir.email_events FINAL
PREWHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND event_type IN ('bounced', 'deferred', 'rejected')
GROUP BY event_type, bounce_reason, bounce_scope, enhanced_status
ORDER BY events DESC, bounce_reason, enhanced_status
LIMIT {limit:UInt32}
