-- Which sending domains had mail in the span?
-- unit: names
-- default limit: 1000
SELECT DISTINCT key AS domain
FROM mailweir.reputation_partials
WHERE kind = 'domain'
  AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
ORDER BY domain
LIMIT {limit:UInt32}
