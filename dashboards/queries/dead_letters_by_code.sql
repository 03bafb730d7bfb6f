-- How many records could not be processed, at which stage and why?
-- unit: records
-- default limit: 20
SELECT stage, code, count() AS records, max(received_at) AS newest_at
FROM mailweir.dead_letters FINAL
WHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY stage, code
ORDER BY records DESC, stage, code
LIMIT {limit:UInt32}
