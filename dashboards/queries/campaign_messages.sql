-- What became of the messages of a campaign: in all, at each mailbox provider, of each variant?
-- unit: messages
-- default part: ''
-- default limit: 50
-- A message is what one recipient was sent under one message id. `part` is '' (all of them), 'provider' or 'variant'.
-- A message counts once however often it happened: opened by a person if any open was one's, else `uncertain` if any
-- was, else by a machine; so the three never overlap. `events_...` count every event.
SELECT
    name,
    countIf(is_sent) AS messages,
    countIf(is_delivered) AS delivered,
    countIf(is_deferred) AS deferred,
    countIf(is_bounced) AS bounced,
    countIf(is_rejected) AS rejected,
    countIf(is_sent AND NOT (is_delivered OR is_bounced OR is_rejected)) AS under_way,
    countIf(opened = 3) AS opened_human,
    countIf(opened = 2) AS opened_uncertain,
    countIf(opened = 1) AS opened_machine,
    countIf(clicked = 3) AS clicked_human,
    countIf(clicked = 2) AS clicked_uncertain,
    countIf(clicked = 1) AS clicked_machine,
    countIf(is_complained) AS complained,
    countIf(is_unsubscribed) AS unsubscribed,
    uniqExactIf(person, is_sent) AS recipients,
    sumMap(events) AS events
FROM (
    SELECT
        multiIf(
            {part:String} = 'provider', argMax(mailbox_provider, mailbox_provider != ''),
            {part:String} = 'variant', argMax(variant_id, variant_id != ''),
            ''
        ) AS name,
        any(recipient_key) AS person,
        max(event_type IN ('queued', 'sent', 'delivered', 'deferred', 'bounced', 'rejected', 'failed')) AS is_sent,
        max(event_type = 'delivered') AS is_delivered,
        max(event_type = 'deferred') AS is_deferred,
        max(event_type = 'bounced') AS is_bounced,
        max(event_type IN ('rejected', 'failed')) AS is_rejected,
        max(event_type = 'complained') AS is_complained,
        max(event_type = 'unsubscribed') AS is_unsubscribed,
        maxIf(who, event_type = 'opened') AS opened,
        maxIf(who, event_type = 'clicked') AS clicked,
        sumMap(map(toString(event_type), toUInt64(1))) AS events
    FROM (
        SELECT *, multiIf(machine = 'human', 3, machine = 'machine', 1, 2) AS who
        FROM mailweir.email_events FINAL
        WHERE campaign_id = {campaign:String}
          AND ({tenant:String} = '' OR tenant = {tenant:String})
          AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
          AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    )
    GROUP BY tenant, message_id, recipient_key, if(message_id = '' AND recipient_key = '', event_id, '')
)
GROUP BY name
ORDER BY messages DESC, name
LIMIT {limit:UInt32}
