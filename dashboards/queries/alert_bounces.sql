-- Which share of each campaign's mail bounces for good?
-- unit: share
-- default least: 100
-- default limit: 1000
-- Campaigns with at least `least` messages settled in the span; fewer say nothing.
SELECT
    tenant,
    key AS campaign,
    (sum(p.bounced_address) + sum(p.bounced_block) + sum(p.bounced_content))
        / (sum(p.delivered) + sum(p.bounced_address) + sum(p.bounced_block) + sum(p.bounced_content) + sum(p.bounced_other))
        AS bounced_share
FROM mailweir.reputation_partials AS p FINAL
PREWHERE kind = 'campaign'
  AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY tenant, campaign
HAVING sum(p.delivered) + sum(p.bounced_address) + sum(p.bounced_block) + sum(p.bounced_content) >= {least:UInt32}
ORDER BY bounced_share DESC, tenant, campaign
LIMIT {limit:UInt32}
