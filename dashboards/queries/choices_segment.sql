-- Which segments have or had recipients?
-- unit: names
-- default limit: 1000
SELECT DISTINCT segment_id
FROM mailweir.segment_changes
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
ORDER BY segment_id
LIMIT {limit:UInt32}
