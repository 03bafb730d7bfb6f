-- How old is the delivered mail of a campaign, and how many complaints came about it?
-- unit: messages
-- What complaint maturity is made of. Ages are whole minutes up to `to_ms`, the last stands for 72 hours and more.
SELECT
    least(intDiv({to_ms:Int64} - toUnixTimestamp64Milli(occurred_at), 60000), 4320) AS age_min,
    countIf(event_type = 'delivered') AS delivered,
    countIf(event_type = 'complained') AS complained
FROM mailweir.email_events FINAL
WHERE campaign_id = {campaign:String}
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND event_type IN ('delivered', 'complained')
GROUP BY age_min
ORDER BY age_min
LIMIT 4321
