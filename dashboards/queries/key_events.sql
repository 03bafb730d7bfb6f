-- Which events are behind one key's reply, or behind its figures?
-- unit: events
-- default kind: ''
-- default key: ''
-- default provider: ''
-- default reply: ''
-- default limit: 50
-- Newest first; `reply` as `key_replies` names it, '' for all events. Recipients are keys; the raw record is where the last
-- three columns say.
SELECT
    occurred_at,
    event_id,
    event_type,
    smtp_code,
    enhanced_status,
    bounce_reason,
    mailbox_provider,
    campaign_id,
    sending_ip,
    recipient_key,
    raw_topic,
    raw_partition,
    raw_offset
FROM mailweir.email_events FINAL
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({reply:String} = '' OR event_type IN ('bounced', 'deferred', 'rejected'))
  AND (
    {reply:String} = '' OR {reply:String} = lower(
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
    )
  )
  AND ({kind:String} != 'campaign' OR campaign_id = {key:String})
  AND ({kind:String} != 'ip' OR sending_ip = {key:String})
  AND ({kind:String} != 'ip_pool' OR ip_pool = {key:String})
  AND ({kind:String} != 'domain' OR sending_domain = {key:String})
  AND ({kind:String} != 'provider' OR mailbox_provider = {key:String})
  AND ({provider:String} = '' OR mailbox_provider = {provider:String})
  AND occurred_at >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND received_at >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND least(occurred_at, received_at) < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
ORDER BY occurred_at DESC, event_id DESC
LIMIT {limit:UInt32}
