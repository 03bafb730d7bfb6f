-- How long from the first sign of trouble to the decision, and from there until it was carried out?
-- unit: ms
-- default limit: 50
SELECT
    decided_at,
    tenant,
    key,
    action,
    nullIf(dateDiff('millisecond', first_signal_at, decided_at), dateDiff('millisecond', toDateTime64(0, 3), decided_at))
        AS signal_to_decision_ms,
    if(carried.at = toDateTime64(0, 3, 'UTC'), NULL, dateDiff('millisecond', decided_at, carried.at))
        AS decision_to_done_ms
FROM mailweir.decisions AS d FINAL
LEFT JOIN (
    SELECT decision_id, min(executed_at) AS at
    FROM mailweir.outcomes FINAL
    WHERE status = 'done' AND NOT startsWith(driver, 'alert-')
    GROUP BY decision_id
) AS carried USING (decision_id)
WHERE decided_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND decided_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
ORDER BY decided_at DESC, decision_id
LIMIT {limit:UInt32}
