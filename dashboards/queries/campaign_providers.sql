-- How does each mailbox provider take a campaign's mail?
-- unit: events
-- default campaign: ''
-- default limit: 20
-- By when it happened; denominators as in `campaigns`. Mailbox providers that nobody knows are 'other'.
SELECT
    splitByChar('|', key)[-1] AS provider,
    sum(p.delivered) AS delivered,
    sum(p.bounced_address) + sum(p.bounced_block) + sum(p.bounced_content) + sum(p.bounced_other) AS bounced,
    sum(p.deferred) + sum(p.deferred_reputation) AS deferred,
    sum(p.opened) AS opened,
    sum(p.clicked) AS clicked,
    sum(p.complained) AS complained,
    delivered / nullIf(delivered + bounced, 0) AS delivered_share,
    bounced / nullIf(delivered + bounced, 0) AS bounced_share,
    deferred / nullIf(delivered + bounced + deferred, 0) AS deferred_share,
    complained / nullIf(delivered, 0) AS complained_share
FROM mailweir.reputation_partials AS p FINAL
PREWHERE kind = 'campaign_provider'
  AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({campaign:String} = '' OR startsWith(key, concat({campaign:String}, '|')))
GROUP BY provider
ORDER BY delivered + bounced DESC, provider
LIMIT {limit:UInt32}
