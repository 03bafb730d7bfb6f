-- Which campaigns had mail in the span?
-- unit: names
-- default limit: 1000
SELECT DISTINCT key AS campaign
FROM mailweir.reputation_partials
WHERE kind = 'campaign'
  AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
ORDER BY campaign
LIMIT {limit:UInt32}
