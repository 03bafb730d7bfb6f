-- What happened with one recipient, by mail and outside of it, newest first?
-- unit: events
-- default after_id: ''
-- default limit: 101
-- Pages: what is before `to_ms`, and of that very millisecond what has a smaller id than `after_id`. Both tables are
-- searched by their index on recipients, which knows blocks of 32,768 rows: 130 ms for one of 20,000 recipients of a million
-- events, whose 50 lie in every block.
SELECT *
FROM (
    SELECT
        occurred_at AS at,
        event_id,
        'mail' AS origin,
        toString(event_type) AS what,
        '' AS name,
        campaign_id,
        message_id,
        subject,
        mailbox_provider,
        sending_ip,
        smtp_code,
        enhanced_status,
        bounce_reason,
        replaceRegexpAll(smtp_response, '[^\\s<>()]+@[^\\s<>()]+', '…@…') AS reply,
        cutQueryStringAndFragment(url) AS page,
        machine,
        stream,
        source,
        received_at,
        raw_topic,
        raw_partition,
        raw_offset
    FROM mailweir.email_events FINAL
    WHERE tenant = {tenant:String}
      AND recipient_key = {recipient:String}
      AND occurred_at <= fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND (occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC') OR event_id < {after_id:String})
    ORDER BY at DESC, event_id DESC
    LIMIT {limit:UInt32}
    UNION ALL
    SELECT
        occurred_at AS at,
        event_id,
        'activity' AS origin,
        toString(activity) AS what,
        toString(name) AS name,
        '' AS campaign_id,
        '' AS message_id,
        '' AS subject,
        '' AS mailbox_provider,
        '' AS sending_ip,
        0 AS smtp_code,
        '' AS enhanced_status,
        '' AS bounce_reason,
        '' AS reply,
        cutQueryStringAndFragment(url) AS page,
        '' AS machine,
        '' AS stream,
        source,
        received_at,
        raw_topic,
        raw_partition,
        raw_offset
    FROM mailweir.activity_events FINAL
    WHERE tenant = {tenant:String}
      AND recipient_key = {recipient:String}
      AND occurred_at <= fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND (occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC') OR event_id < {after_id:String})
    ORDER BY at DESC, event_id DESC
    LIMIT {limit:UInt32}
)
ORDER BY at DESC, event_id DESC
LIMIT {limit:UInt32}
