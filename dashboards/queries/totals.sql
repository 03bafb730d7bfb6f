-- What became of the mail: how much was delivered, refused, put off, opened, complained about?
-- unit: events
SELECT
    count() AS events,
    countIf(event_type IN ('queued', 'sent')) AS sent,
    countIf(event_type = 'delivered') AS delivered,
    countIf(event_type = 'deferred') AS deferred,
    countIf(event_type = 'bounced') AS bounced,
    countIf(event_type IN ('rejected', 'failed')) AS rejected,
    countIf(event_type = 'opened' AND machine != 'machine') AS opened,
    countIf(event_type = 'opened' AND machine = 'machine') AS opened_machine,
    countIf(event_type = 'clicked' AND machine != 'machine') AS clicked,
    countIf(event_type = 'complained') AS complained,
    countIf(event_type = 'unsubscribed') AS unsubscribed
FROM mailweir.email_events FINAL
PREWHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
