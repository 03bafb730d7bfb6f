-- Which share of each campaign's delivered mail is complained about?
-- unit: share
-- default least: 500
-- default limit: 1000
-- Campaigns with at least `least` messages delivered and three complaints in the span: one complaint is an accident.
SELECT
    tenant,
    key AS campaign,
    if(sum(p.complained) < 3, 0, sum(p.complained) / sum(p.delivered)) AS complained_share
FROM mailweir.reputation_partials AS p FINAL
PREWHERE kind = 'campaign'
  AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY tenant, campaign
HAVING sum(p.delivered) >= {least:UInt32}
ORDER BY complained_share DESC, tenant, campaign
LIMIT {limit:UInt32}
