-- How much did each mailbox provider take, refuse, put off, and how much was complained about?
-- unit: share
-- default provider: ''
-- default limit: 50
-- As `mailbox_providers`, but by when it happened, and from counts per minute: it may ask for months.
SELECT
    key AS provider,
    sum(p.delivered) AS delivered,
    sum(p.bounced_address) + sum(p.bounced_block) + sum(p.bounced_content) + sum(p.bounced_other) AS bounced,
    sum(p.deferred) + sum(p.deferred_reputation) AS deferred,
    sum(p.complained) AS complained,
    delivered / nullIf(delivered + bounced, 0) AS delivered_share,
    sum(p.bounced_address) / nullIf(delivered + bounced, 0) AS bounced_address_share,
    (sum(p.bounced_block) + sum(p.bounced_content)) / nullIf(delivered + bounced, 0) AS blocked_share,
    deferred / nullIf(delivered + bounced + deferred, 0) AS deferred_share,
    complained / nullIf(delivered, 0) AS complained_share
FROM mailweir.reputation_partials AS p FINAL
PREWHERE kind = 'provider'
  AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({provider:String} = '' OR key = {provider:String})
GROUP BY provider
ORDER BY delivered + bounced DESC, provider
LIMIT {limit:UInt32}
