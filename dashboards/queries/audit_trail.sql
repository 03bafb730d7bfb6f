-- What happened to decisions, step by step, and who did it?
-- unit: steps
-- default limit: 100
SELECT at, tenant, step, what, who, why, decision_id
FROM mailweir.audit_trail
WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
ORDER BY at DESC, decision_id, step
LIMIT {limit:UInt32}
