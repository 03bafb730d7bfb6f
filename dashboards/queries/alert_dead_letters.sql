-- How many records could not be processed in the span?
-- unit: records
SELECT count() AS records
FROM mailweir.dead_letters FINAL
WHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
