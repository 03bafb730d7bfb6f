-- How does each mailbox provider take our mail: delivered, unknown users, blocks, deferrals, complaints?
-- unit: share
-- default limit: 20
-- Shares of refusals are of everything the provider settled (delivered or refused for good), deferrals of all
-- delivery attempts, complaints of delivered mail. No denominator, no share (NULL).
SELECT
    if(mailbox_provider = '', 'other', mailbox_provider) AS provider,
    countIf(event_type = 'delivered') AS delivered,
    countIf(event_type = 'bounced') AS bounced,
    countIf(event_type = 'deferred') AS deferred,
    countIf(event_type = 'complained') AS complained,
    countIf(
        event_type = 'bounced' AND bounce_permanence = 'permanent' AND bounce_scope IN ('address', 'domain')
    ) AS bounced_address,
    countIf(event_type = 'bounced' AND bounce_scope IN ('ip', 'auth', 'content')) AS blocked,
    delivered / nullIf(delivered + bounced, 0) AS delivered_share,
    bounced_address / nullIf(delivered + bounced, 0) AS bounced_address_share,
    blocked / nullIf(delivered + bounced, 0) AS blocked_share,
    deferred / nullIf(delivered + bounced + deferred, 0) AS deferred_share,
    complained / nullIf(delivered, 0) AS complained_share
FROM mailweir.email_events FINAL
PREWHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND event_type IN ('delivered', 'bounced', 'deferred', 'complained')
GROUP BY provider
ORDER BY delivered + bounced DESC, provider
LIMIT {limit:UInt32}
