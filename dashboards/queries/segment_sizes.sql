-- How did the size of each segment move?
-- unit: recipients
-- default segment: ''
-- default bucket_s: 3600
-- Entries less exits up to each instant, in equal steps from the beginning of the span; at most 1,000 of them. What a
-- change of the rules did counts from that change on.
WITH
    toInt64(greatest({bucket_s:UInt32}, 1)) * 1000 AS step_ms,
    least(greatest(intDiv({to_ms:Int64} - {from_ms:Int64}, step_ms), 0), 999) AS steps
SELECT
    fromUnixTimestamp64Milli({from_ms:Int64} + (number - 1) * step_ms, 'UTC') AS time,
    tenant,
    segment_id,
    toFloat64(members) AS size
FROM (
    SELECT
        tenant,
        segment_id,
        arrayCumSum(arrayMap(n -> changes[indexOf(places, n)], range(toUInt64(steps + 1)))) AS sizes
    FROM (
        SELECT tenant, segment_id, groupArray(place) AS places, groupArray(change) AS changes
        FROM (
            SELECT
                tenant,
                segment_id,
                toUInt64(greatest(0, ceil((at_ms - {from_ms:Int64}) / step_ms))) AS place,
                sum(if(is_member = 1, 1, -1)) AS change
            FROM (
                SELECT
                    tenant,
                    segment_id,
                    is_member,
                    toUnixTimestamp64Milli(if(is_rule, detected_at, effective_at)) AS at_ms
                FROM mailweir.segment_changes FINAL
                WHERE ({tenant:String} = '' OR tenant = {tenant:String})
                  AND ({segment:String} = '' OR segment_id = {segment:String})
            )
            GROUP BY tenant, segment_id, place
        )
        GROUP BY tenant, segment_id
    )
)
ARRAY JOIN sizes AS members, arrayEnumerate(sizes) AS number
ORDER BY time, tenant, segment_id
LIMIT 20000
