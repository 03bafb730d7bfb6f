-- How many times more than in the day before does each mailbox provider put off?
-- unit: times
-- default least: 100
-- default limit: 1000
-- The share of attempts put off in the span against that of the 24 hours before it, which counts as 5 % at least; mailbox
-- providers with at least `least` attempts in the span.
WITH toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')) AS since
SELECT
    tenant,
    provider,
    (sumIf(late, minute >= since) / sumIf(tries, minute >= since))
        / greatest(sumIf(late, minute < since) / greatest(sumIf(tries, minute < since), 1), 0.05) AS times
FROM (
    SELECT
        tenant,
        key AS provider,
        minute,
        p.deferred + p.deferred_reputation AS late,
        late + p.delivered + p.bounced_address + p.bounced_block + p.bounced_content + p.bounced_other AS tries
    FROM mailweir.reputation_partials AS p FINAL
    PREWHERE kind = 'provider'
      AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64} - 86400000, 'UTC'))
      AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND ({tenant:String} = '' OR tenant = {tenant:String})
)
GROUP BY tenant, provider
HAVING sumIf(tries, minute >= since) >= {least:UInt32}
ORDER BY times DESC, tenant, provider
LIMIT {limit:UInt32}
