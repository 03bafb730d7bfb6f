-- How many records could not be processed, at which stage, why and from which source, and how many wait for a replay?
-- unit: records
-- default limit: 100
SELECT
    stage,
    code,
    source,
    any(provider) AS provider,
    count() AS records,
    countIf(dead_letter_id NOT IN (SELECT dead_letter_id FROM mailweir.replays)) AS open,
    min(failed_at) AS first_at,
    max(failed_at) AS last_at,
    argMax(reason, failed_at) AS reason
FROM
(
    SELECT stage, code, source, provider, tenant, reason, dead_letter_id,
           if(received_at > toDateTime64(0, 3, 'UTC'), received_at, inserted_at) AS failed_at
    FROM mailweir.dead_letters FINAL
)
WHERE failed_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND failed_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY stage, code, source
ORDER BY last_at DESC, stage, code, source
LIMIT {limit:UInt32}
