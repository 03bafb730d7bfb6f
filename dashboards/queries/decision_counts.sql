-- How many decisions of each kind were made over time?
-- unit: decisions
-- default campaign: ''
-- default bucket_s: 60
SELECT
    toStartOfInterval(decided_at, toIntervalSecond(greatest({bucket_s:UInt32}, 1))) AS time,
    action,
    toFloat64(count()) AS decisions
FROM mailweir.decisions FINAL
WHERE decided_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND decided_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({campaign:String} = '' OR campaign_id = {campaign:String})
GROUP BY time, action
ORDER BY time, action
LIMIT 20000
