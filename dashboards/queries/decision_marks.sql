-- When was something decided, and why?
-- unit: decisions
-- default campaign: ''
-- default limit: 200
-- For marks on a chart: decisions of the span, those that change nothing (observe) left out.
SELECT
    decided_at AS time,
    concat(replaceAll(toString(action), '_', ' '), ': ', key) AS title,
    reason AS text,
    concat(mode, ',', kind) AS tags
FROM mailweir.decisions FINAL
WHERE decided_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND decided_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND mode != 'observe'
ORDER BY time, title
LIMIT {limit:UInt32}
