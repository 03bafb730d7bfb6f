-- How much came from each source, hour by hour, and how much of it could not be processed?
-- unit: requests
-- default limit: 500
-- Hours are epoch milliseconds of their begin. Counts of requests and events are good to about 1 % (uniqCombined64). Events that were
-- received more than a week after they occurred are left out: so the store needs to read a fortnight only.
SELECT
    tenant,
    source,
    argMax(provider, newest_at) AS provider,
    max(newest_at) AS last_seen_at,
    sum(r) AS requests,
    sum(e) AS events,
    sum(f) AS failed,
    groupArrayIf(hour, r > 0) AS hours,
    groupArrayIf(r, r > 0) AS requests_by_hour,
    groupArrayIf(e, r > 0) AS events_by_hour,
    argMax(letter, letter_at) AS last_failure_id,
    argMax(why, letter_at) AS last_failure,
    max(letter_at) AS last_failed_at
FROM
(
    SELECT tenant, source, toUnixTimestamp(toStartOfHour(received_at)) * 1000 AS hour, any(provider) AS provider,
           uniqCombined64((raw_partition, raw_offset)) AS r, uniqCombined64(event_id) AS e, 0 AS f, max(received_at) AS newest_at,
           '' AS letter, '' AS why, toDateTime64(0, 3, 'UTC') AS letter_at
    FROM
    (
        SELECT tenant, source, provider, received_at, occurred_at, raw_partition, raw_offset, event_id FROM mailweir.email_events
        UNION ALL
        SELECT tenant, source, provider, received_at, occurred_at, raw_partition, raw_offset, event_id FROM mailweir.activity_events
        UNION ALL
        SELECT tenant, source, provider, received_at, received_at AS occurred_at, raw_partition, raw_offset, event_id FROM mailweir.auth_reports
        UNION ALL
        SELECT tenant, source, provider, received_at, received_at AS occurred_at, raw_partition, raw_offset, event_id FROM mailweir.standing_reports
    )
    WHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64} - 604800000, 'UTC')
    GROUP BY tenant, source, hour
    UNION ALL
    SELECT tenant, source, toUnixTimestamp(toStartOfHour(d.received_at)) * 1000 AS hour, any(d.provider) AS provider, 0 AS r, 0 AS e, count() AS f,
           max(d.received_at) AS newest_at, argMax(dead_letter_id, d.received_at) AS letter, argMax(reason, d.received_at) AS why,
           max(d.received_at) AS letter_at
    FROM mailweir.dead_letters AS d FINAL
    WHERE stage = 'normalise' AND source != ''
      AND d.received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND d.received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    GROUP BY tenant, source, hour
)
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY tenant, source
ORDER BY tenant, source
LIMIT {limit:UInt32}
