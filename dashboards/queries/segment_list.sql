-- Which segments are live, and which are being built?
-- unit: segments
-- default limit: 10000
-- A segment whose rule was changed is there twice while the new version is built.
SELECT tenant, segment_id, rule_version, status, since
FROM mailweir.segment_list
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
ORDER BY tenant, segment_id, since
LIMIT {limit:UInt32}
