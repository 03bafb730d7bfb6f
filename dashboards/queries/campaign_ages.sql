-- How old is the delivered mail of a campaign, and how many complaints came about it?
-- unit: messages
-- default campaign: ''
-- What complaint maturity is made of. Ages at `to_ms`, in whole minutes up to three days, then in whole hours up to 30
-- days, which stands for more.
SELECT
    if(minutes < 4320, minutes, least(intDiv(minutes, 60) * 60, 43200)) AS age_min,
    countIf(event_type = 'delivered') AS delivered,
    countIf(event_type = 'complained') AS complained
FROM (
    SELECT event_type, intDiv({to_ms:Int64} - toUnixTimestamp64Milli(occurred_at), 60000) AS minutes
    FROM mailweir.email_events FINAL
    WHERE ({campaign:String} = '' OR campaign_id = {campaign:String})
      AND ({tenant:String} = '' OR tenant = {tenant:String})
      AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND event_type IN ('delivered', 'complained')
)
GROUP BY age_min
ORDER BY age_min
LIMIT 5100
