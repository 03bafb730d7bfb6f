-- How did the shares of a campaign's mail move: bad addresses, refused, put off, complained about?
-- unit: share
-- default campaign: ''
-- default bucket_s: 300
-- By when it happened; denominators as in `campaigns`. A step without mail has no share.
SELECT
    time,
    bad_addresses / nullIf(settled, 0) AS bounced_address_share,
    blocked / nullIf(settled, 0) AS blocked_share,
    put_off / nullIf(settled + put_off, 0) AS deferred_share,
    complaints / nullIf(taken, 0) AS complained_share
FROM (
    SELECT
        toStartOfInterval(minute, toIntervalSecond(greatest({bucket_s:UInt32}, 60))) AS time,
        sum(p.delivered) AS taken,
        sum(p.complained) AS complaints,
        sum(p.bounced_address) AS bad_addresses,
        sum(p.bounced_block) + sum(p.bounced_content) AS blocked,
        taken + bad_addresses + blocked + sum(p.bounced_other) AS settled,
        sum(p.deferred) + sum(p.deferred_reputation) AS put_off
    FROM mailweir.reputation_partials AS p FINAL
    PREWHERE kind = 'campaign'
      AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
      AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND ({tenant:String} = '' OR tenant = {tenant:String})
      AND ({campaign:String} = '' OR key = {campaign:String})
    GROUP BY time
)
ORDER BY time
LIMIT 20000
