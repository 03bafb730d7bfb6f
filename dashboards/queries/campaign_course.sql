-- How did a campaign run over time: delivered, refused, put off, opened, clicked, complained?
-- unit: events
-- default campaign: ''
-- default bucket_s: 3600
-- Opens and clicks are those of people or uncertain.
SELECT
    toStartOfInterval(occurred_at, toIntervalSecond({bucket_s:UInt32})) AS time,
    countIf(event_type IN ('queued', 'sent')) AS sent,
    countIf(event_type = 'delivered') AS delivered,
    countIf(event_type = 'deferred') AS deferred,
    countIf(event_type = 'bounced') AS bounced,
    countIf(event_type IN ('rejected', 'failed')) AS rejected,
    countIf(event_type = 'opened' AND machine != 'machine') AS opened,
    countIf(event_type = 'clicked' AND machine != 'machine') AS clicked,
    countIf(event_type = 'complained') AS complained,
    countIf(event_type = 'unsubscribed') AS unsubscribed
FROM mailweir.email_events FINAL
WHERE ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
GROUP BY time
ORDER BY time
LIMIT 20000
