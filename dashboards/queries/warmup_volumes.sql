-- How much did each IP send from day to day, and how fast did it grow?
-- unit: messages
-- default key: ''
-- default limit: 400
-- Messages that got an answer, by UTC day; a deferral is no message more. A warm-up that more than doubles in a day is
-- hasty; a day without mail proves nothing.
SELECT
    day AS time,
    ip,
    toFloat64(messages) AS messages_a_day,
    messages / nullIf(lagInFrame(messages) OVER by_day, 0) AS growth,
    busiest_hour,
    refused / nullIf(messages, 0) AS blocked_share
FROM (
    SELECT
        toStartOfDay(hour) AS day,
        tenant,
        ip,
        sum(answered) AS messages,
        max(answered) AS busiest_hour,
        sum(blocked) AS refused
    FROM (
        SELECT
            toStartOfHour(minute) AS hour,
            tenant,
            key AS ip,
            sum(p.bounced_block) + sum(p.bounced_content) AS blocked,
            sum(p.delivered) + sum(p.bounced_address) + sum(p.bounced_other) + blocked AS answered
        FROM mailweir.reputation_partials AS p FINAL
        PREWHERE kind = 'ip'
          AND minute >= toStartOfDay(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
          AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
          AND ({tenant:String} = '' OR tenant = {tenant:String})
          AND ({key:String} = '' OR key = {key:String})
        GROUP BY hour, tenant, ip
    )
    GROUP BY day, tenant, ip
)
WINDOW by_day AS (PARTITION BY tenant, ip ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
ORDER BY time, ip
LIMIT {limit:UInt32}
