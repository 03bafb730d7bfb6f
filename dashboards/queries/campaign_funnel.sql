-- How far did the mail come: sent, delivered, opened, clicked, and what was it answered with?
-- unit: recipients
-- default campaign: ''
-- Distinct recipients, by when it happened: who opened twice counts once. Opens and clicks of machines are steps of
-- their own, so that nobody takes them for people.
WITH reached AS (
    SELECT
        uniqExactIf(tenant, recipient_key, event_type IN ('queued', 'sent', 'delivered', 'bounced')) AS sent,
        uniqExactIf(tenant, recipient_key, event_type = 'delivered') AS delivered,
        uniqExactIf(tenant, recipient_key, event_type = 'opened' AND machine != 'machine') AS opened,
        uniqExactIf(tenant, recipient_key, event_type = 'clicked' AND machine != 'machine') AS clicked,
        uniqExactIf(tenant, recipient_key, event_type = 'opened' AND machine = 'machine') AS opened_machine,
        uniqExactIf(tenant, recipient_key, event_type = 'clicked' AND machine = 'machine') AS clicked_machine,
        uniqExactIf(tenant, recipient_key, event_type = 'unsubscribed') AS unsubscribed,
        uniqExactIf(tenant, recipient_key, event_type = 'complained') AS complained
    FROM mailweir.email_events FINAL
    PREWHERE occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    WHERE ({tenant:String} = '' OR tenant = {tenant:String})
      AND ({campaign:String} = '' OR campaign_id = {campaign:String})
)
SELECT step, recipients, recipients / nullIf(delivered, 0) AS share_of_delivered
FROM reached
ARRAY JOIN
    [
        'sent', 'delivered', 'opened by people', 'clicked by people', 'opened by machines', 'clicked by machines',
        'unsubscribed', 'complained'
    ] AS step,
    [sent, delivered, opened, clicked, opened_machine, clicked_machine, unsubscribed, complained] AS recipients
WHERE sent > 0
