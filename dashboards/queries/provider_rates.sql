-- How did the mailbox providers take our mail over time?
-- unit: share
-- default share: 'delivered'
-- default provider: ''
-- default bucket_s: 300
-- `share`: delivered, bounced (addresses that do not exist), blocked (the sender or the content is refused), deferred,
-- complained. By when it happened; denominators as in `mailbox_providers`. A step without mail has no share.
SELECT time, provider, share_of_mail
FROM (
    SELECT
        toStartOfInterval(minute, toIntervalSecond(greatest({bucket_s:UInt32}, 60))) AS time,
        key AS provider,
        sum(p.delivered) AS taken,
        sum(p.bounced_address) AS bad_addresses,
        sum(p.bounced_block) + sum(p.bounced_content) AS blocked,
        taken + bad_addresses + blocked + sum(p.bounced_other) AS settled,
        sum(p.deferred) + sum(p.deferred_reputation) AS put_off,
        multiIf(
            {share:String} = 'bounced', bad_addresses / nullIf(settled, 0),
            {share:String} = 'blocked', blocked / nullIf(settled, 0),
            {share:String} = 'deferred', put_off / nullIf(settled + put_off, 0),
            {share:String} = 'complained', sum(p.complained) / nullIf(taken, 0),
            taken / nullIf(settled, 0)
        ) AS share_of_mail
    FROM mailweir.reputation_partials AS p FINAL
    PREWHERE kind = 'provider'
      AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
      AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND ({tenant:String} = '' OR tenant = {tenant:String})
      AND ({provider:String} = '' OR key = {provider:String})
    GROUP BY time, provider
)
WHERE share_of_mail IS NOT NULL
ORDER BY time, provider
LIMIT 20000
