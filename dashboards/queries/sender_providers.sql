-- How do mailbox providers take the mail of an IP or a domain?
-- unit: events
-- default kind: 'ip_provider'
-- default key: ''
-- default limit: 60
-- `kind`: ip_provider, domain_provider. By when it happened; denominators as in `mailbox_providers`.
SELECT
    splitByChar('|', key)[1] AS sender,
    splitByChar('|', key)[-1] AS provider,
    sum(p.delivered) AS delivered,
    sum(p.bounced_address) + sum(p.bounced_block) + sum(p.bounced_content) + sum(p.bounced_other) AS bounced,
    sum(p.deferred) + sum(p.deferred_reputation) AS deferred,
    delivered / nullIf(delivered + bounced, 0) AS delivered_share,
    (sum(p.bounced_block) + sum(p.bounced_content)) / nullIf(delivered + bounced, 0) AS blocked_share,
    deferred / nullIf(delivered + bounced + deferred, 0) AS deferred_share,
    sum(p.complained) / nullIf(delivered, 0) AS complained_share
FROM mailweir.reputation_partials AS p FINAL
PREWHERE kind = {kind:String}
  AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({key:String} = '' OR startsWith(key, concat({key:String}, '|')))
GROUP BY sender, provider
ORDER BY blocked_share DESC NULLS LAST, delivered + bounced DESC, sender, provider
LIMIT {limit:UInt32}
