-- What do the refusals and deferrals of one key's mail say, at one mailbox provider or all?
-- unit: events
-- default kind: ''
-- default key: ''
-- default provider: ''
-- default limit: 50
-- Addresses inside the replies are masked. Replies that differ in numbers and in words with digits only (times, queue ids,
-- IPs) are one: `reply` is its name, with which `key_events` finds the events. By event time, as in `key_providers`.
SELECT
    lower(
        hex(
            sipHash64(
                event_type,
                bounce_reason,
                bounce_scope,
                enhanced_status,
                replaceRegexpAll(
                    replaceRegexpAll(smtp_response, '[^\\s<>()]+@[^\\s<>()]+', '…@…'),
                    '[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*',
                    '#'
                )
            )
        )
    ) AS reply,
    event_type,
    bounce_reason,
    bounce_scope,
    enhanced_status,
    count() AS events,
    uniqExact(mailbox_provider) AS providers,
    topK(1)(mailbox_provider)[1] AS main_provider,
    max(occurred_at) AS newest_at,
    argMax(replaceRegexpAll(smtp_response, '[^\\s<>()]+@[^\\s<>()]+', '…@…'), (occurred_at, event_id)) AS example
FROM mailweir.email_events FINAL
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND event_type IN ('bounced', 'deferred', 'rejected')
  AND ({kind:String} != 'campaign' OR campaign_id = {key:String})
  AND ({kind:String} != 'ip' OR sending_ip = {key:String})
  AND ({kind:String} != 'ip_pool' OR ip_pool = {key:String})
  AND ({kind:String} != 'domain' OR sending_domain = {key:String})
  AND ({kind:String} != 'provider' OR mailbox_provider = {key:String})
  AND ({provider:String} = '' OR mailbox_provider = {provider:String})
  AND occurred_at >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND received_at >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND least(occurred_at, received_at) < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
GROUP BY reply, event_type, bounce_reason, bounce_scope, enhanced_status
ORDER BY events DESC, reply
LIMIT {limit:UInt32}
