-- How long after its delivery is mail complained about?
-- unit: complaints
-- default campaign: ''
-- By age of the mail, in steps that double; `so_far` is the share of all complaints of the span that had come by then.
-- Of mail whose delivery is not stored nothing is known, so it is left out.
WITH delivered AS (
    SELECT tenant, recipient_key, campaign_id, min(occurred_at) AS delivered_at
    FROM mailweir.email_events FINAL
    PREWHERE occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64} - 259200000, 'UTC')
      AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    WHERE ({tenant:String} = '' OR tenant = {tenant:String})
      AND event_type = 'delivered'
      AND ({campaign:String} = '' OR campaign_id = {campaign:String})
    GROUP BY tenant, recipient_key, campaign_id
),
ages AS (
    SELECT greatest(dateDiff('minute', d.delivered_at, c.occurred_at), 0) AS age_min
    FROM (
        SELECT tenant, recipient_key, campaign_id, occurred_at
        FROM mailweir.email_events FINAL
        PREWHERE occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
          AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        WHERE ({tenant:String} = '' OR tenant = {tenant:String})
          AND ({campaign:String} = '' OR campaign_id = {campaign:String})
          AND event_type = 'complained'
    ) AS c
    INNER JOIN delivered AS d USING (tenant, recipient_key, campaign_id)
)
SELECT
    transform(step, [0, 1, 2, 3, 4, 5, 6], ['30 min', '1 h', '3 h', '6 h', '12 h', '24 h', '48 h'], 'later') AS within,
    count() AS complaints,
    sum(count()) OVER (ORDER BY step) / sum(count()) OVER () AS so_far
FROM (
    SELECT toUInt8(arrayFirstIndex(limit_min -> age_min <= limit_min, [30, 60, 180, 360, 720, 1440, 2880])) AS place,
        if(place = 0, 7, place - 1) AS step
    FROM ages
)
GROUP BY step
ORDER BY step
LIMIT 8
