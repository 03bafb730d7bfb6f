-- Which links are clicked, and by how many people?
-- unit: clicks
-- default campaign: ''
-- default limit: 50
-- Links without what follows ? or #: that is where people are told apart, and no address belongs on a board.
SELECT
    cutQueryStringAndFragment(url) AS link,
    countIf(machine != 'machine') AS clicks,
    uniqExactIf(tenant, recipient_key, machine != 'machine') AS people,
    countIf(machine = 'machine') AS clicks_of_machines
FROM mailweir.email_events FINAL
PREWHERE occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND event_type = 'clicked'
  AND url != ''
GROUP BY link
ORDER BY people DESC, clicks DESC, link
LIMIT {limit:UInt32}
