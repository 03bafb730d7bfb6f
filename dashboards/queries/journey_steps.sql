-- Which way did people go on each journey?
-- unit: runs
-- default limit: 200
-- Steps in the span by their place in the journey's file.
SELECT tenant, journey_id, place, kind, outcome, count() AS runs, max(at) AS last_at
FROM mailweir.journey_steps FINAL
WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY tenant, journey_id, place, kind, outcome
ORDER BY tenant, journey_id, place, runs DESC, kind, outcome
LIMIT {limit:UInt32}
