-- Who opens and clicks, and when: people or machines?
-- unit: events
-- default campaign: ''
-- default bucket_s: 300
-- Machines fetch images and follow links to protect their users; what cannot be told counts as people.
SELECT
    toStartOfInterval(minute, toIntervalSecond(greatest({bucket_s:UInt32}, 60))) AS time,
    toFloat64(sum(p.opened)) AS opened_by_people,
    toFloat64(sum(p.opened_machine)) AS opened_by_machines,
    toFloat64(sum(p.clicked)) AS clicked_by_people,
    toFloat64(sum(p.clicked_machine)) AS clicked_by_machines
FROM mailweir.reputation_partials AS p FINAL
PREWHERE kind = 'campaign'
  AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({campaign:String} = '' OR key = {campaign:String})
GROUP BY time
ORDER BY time
LIMIT 20000
