-- Which tenants are there?
-- unit: names
-- default limit: 1000
SELECT DISTINCT tenant
FROM mailweir.reputation_partials
WHERE kind = 'tenant'
  AND ({tenant:String} = '' OR tenant = {tenant:String})
ORDER BY tenant
LIMIT {limit:UInt32}
