-- How many people entered and left journeys over time, and how many calls were made?
-- unit: runs
-- default bucket_s: 60
SELECT
    toStartOfInterval(at, toIntervalSecond(greatest({bucket_s:UInt32}, 1))) AS time,
    concat(journey_id, ': ', transform(toString(kind), ['entered', 'left', 'called'], ['entered', 'left', 'calls'], '')) AS what,
    toFloat64(count()) AS runs
FROM mailweir.journey_steps FINAL
WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND kind IN ('entered', 'left', 'called')
GROUP BY time, what
ORDER BY time, what
LIMIT 20000
