-- What became of the messages of a campaign: in all, at each mailbox provider, of each variant?
-- unit: messages
-- default campaign: ''
-- default part: ''
-- default limit: 50
-- A message is what one recipient was sent under one message id. `part` is '' (all of them), 'provider' or 'variant'.
-- A message counts once however often it happened: opened by a person if any open was one's, else `uncertain` if any
-- was, else by a machine; so the three never overlap. `events_...` count every event.
SELECT
    name,
    countIf(sends > 0) AS messages,
    countIf(deliveries > 0) AS delivered,
    countIf(deferrals > 0) AS deferred,
    countIf(bounces > 0) AS bounced,
    countIf(rejections + failures > 0) AS rejected,
    countIf(sends > 0 AND deliveries + bounces + rejections + failures = 0) AS under_way,
    countIf(opened_by = 3) AS opened_human,
    countIf(opened_by = 2) AS opened_uncertain,
    countIf(opened_by = 1) AS opened_machine,
    countIf(clicked_by = 3) AS clicked_human,
    countIf(clicked_by = 2) AS clicked_uncertain,
    countIf(clicked_by = 1) AS clicked_machine,
    countIf(complaints > 0) AS complained,
    countIf(unsubscriptions > 0) AS unsubscribed,
    uniqExactIf(person, sends > 0) AS recipients,
    sum(queues) AS events_queued,
    sum(sends - queues - deliveries - deferrals - bounces - rejections - failures) AS events_sent,
    sum(deliveries) AS events_delivered,
    sum(deferrals) AS events_deferred,
    sum(bounces) AS events_bounced,
    sum(rejections) AS events_rejected,
    sum(failures) AS events_failed,
    sum(opens) AS events_opened,
    sum(clicks) AS events_clicked,
    sum(complaints) AS events_complained,
    sum(unsubscriptions) AS events_unsubscribed,
    sum(subscriptions) AS events_subscribed,
    sum(autoresponses) AS events_autoresponded,
    sum(others) AS events_unknown
FROM (
    SELECT
        multiIf(
            {part:String} = 'provider', argMax(mailbox_provider, mailbox_provider != ''),
            {part:String} = 'variant', argMax(variant_id, variant_id != ''),
            ''
        ) AS name,
        any(recipient_key) AS person,
        countIf(event_type IN ('queued', 'sent', 'delivered', 'deferred', 'bounced', 'rejected', 'failed')) AS sends,
        countIf(event_type = 'queued') AS queues,
        countIf(event_type = 'delivered') AS deliveries,
        countIf(event_type = 'deferred') AS deferrals,
        countIf(event_type = 'bounced') AS bounces,
        countIf(event_type = 'rejected') AS rejections,
        countIf(event_type = 'failed') AS failures,
        countIf(event_type = 'opened') AS opens,
        countIf(event_type = 'clicked') AS clicks,
        countIf(event_type = 'complained') AS complaints,
        countIf(event_type = 'unsubscribed') AS unsubscriptions,
        countIf(event_type = 'subscribed') AS subscriptions,
        countIf(event_type = 'autoresponded') AS autoresponses,
        count() - sends - opens - clicks - complaints - unsubscriptions - subscriptions - autoresponses AS others,
        maxIf(who, event_type = 'opened') AS opened_by,
        maxIf(who, event_type = 'clicked') AS clicked_by
    FROM (
        SELECT *, multiIf(machine = 'human', 3, machine = 'machine', 1, 2) AS who
        FROM mailweir.email_events FINAL
        WHERE ({campaign:String} = '' OR campaign_id = {campaign:String})
          AND ({tenant:String} = '' OR tenant = {tenant:String})
          AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
          AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    )
    GROUP BY sipHash128(tenant, message_id, recipient_key, if(message_id = '' AND recipient_key = '', event_id, ''))
)
GROUP BY name
ORDER BY messages DESC, name
LIMIT {limit:UInt32}
