-- Which records failed last, why, and where does the original lie?
-- unit: records
-- default limit: 20
SELECT
    received_at,
    dead_letter_id,
    stage,
    code,
    reason,
    source,
    provider,
    origin_topic,
    origin_partition,
    origin_offset,
    item_index,
    length(original) AS size_bytes
FROM mailweir.dead_letters FINAL
WHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
ORDER BY received_at DESC, dead_letter_id
LIMIT {limit:UInt32}
