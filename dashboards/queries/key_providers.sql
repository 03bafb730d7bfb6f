-- How does each mailbox provider take the mail of one campaign, IP, pool, domain or tenant?
-- unit: share
-- default kind: ''
-- default key: ''
-- default limit: 50
-- By event time, from the beginning of a minute on. Shares of refusals are of everything the provider settled (delivered
-- or refused for good), deferrals of all delivery attempts, complaints of delivered mail; no denominator, no share (NULL).
-- Read are the partials of the key alone, which the table's order finds; only of an IP pool, which has none by provider,
-- the tenant's events of the span. What the sender's own list suppressed, and events without a recipient, are left out.
SELECT
    provider,
    sum(c_delivered) AS delivered,
    sum(c_address) AS bounced_address,
    sum(c_blocked) AS blocked,
    sum(c_other) AS bounced_other,
    sum(c_deferred) AS deferred,
    sum(c_complained) AS complained,
    delivered + bounced_address + blocked + bounced_other AS settled,
    settled + deferred AS attempts,
    delivered / nullIf(settled, 0) AS delivered_share,
    bounced_address / nullIf(settled, 0) AS bounced_address_share,
    blocked / nullIf(settled, 0) AS blocked_share,
    deferred / nullIf(attempts, 0) AS deferred_share,
    complained / nullIf(delivered, 0) AS complained_share
FROM (
    SELECT
        if({kind:String} IN ('campaign', 'ip', 'domain'), substring(key, length({key:String}) + 2), key) AS provider,
        p.delivered AS c_delivered,
        p.bounced_address AS c_address,
        p.bounced_block + p.bounced_content AS c_blocked,
        p.bounced_other AS c_other,
        p.deferred + p.deferred_reputation AS c_deferred,
        p.complained AS c_complained
    FROM mailweir.reputation_partials AS p FINAL
    WHERE ({tenant:String} = '' OR tenant = {tenant:String})
      AND {kind:String} != 'ip_pool'
      AND kind = if({kind:String} IN ('campaign', 'ip', 'domain'), concat({kind:String}, '_provider'), 'provider')
      AND ({kind:String} NOT IN ('campaign', 'ip', 'domain') OR startsWith(key, concat({key:String}, '|')))
      AND ({kind:String} != 'provider' OR key = {key:String})
      AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
      AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    UNION ALL
    SELECT
        toString(mailbox_provider) AS provider,
        toInt64(event_type = 'delivered') AS c_delivered,
        toInt64(
            event_type = 'bounced' AND bounce_permanence = 'permanent'
            AND bounce_reason IN ('invalid_recipient', 'inactive_mailbox', 'invalid_domain')
        ) AS c_address,
        toInt64(
            event_type = 'bounced' AND bounce_reason IN (
                'blocked_ip', 'blocked_domain', 'auth_failure', 'rate_limited', 'policy', 'spam_content', 'content_rejected'
            )
        ) AS c_blocked,
        toInt64(event_type = 'bounced') - c_address - c_blocked AS c_other,
        toInt64(event_type = 'deferred') AS c_deferred,
        toInt64(event_type = 'complained') AS c_complained
    FROM mailweir.email_events FINAL
    WHERE {kind:String} = 'ip_pool'
      AND ({tenant:String} = '' OR tenant = {tenant:String})
      AND ip_pool = {key:String}
      AND mailbox_provider != ''
      AND event_type IN ('delivered', 'bounced', 'deferred', 'complained')
      AND bounce_reason != 'suppressed'
      AND occurred_at >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
      AND least(occurred_at, received_at) < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND received_at >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
)
WHERE position(provider, '|') = 0
GROUP BY provider
HAVING attempts + complained > 0
ORDER BY settled DESC, provider
LIMIT {limit:UInt32}
