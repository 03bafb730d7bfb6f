-- When was something of each service stored last, and how much of it in the span?
-- unit: records
-- default limit: 100
-- A service that writes seldom (remediation, when all is well) may rightly be silent for days. Batches are of no tenant:
-- with one chosen there are none.
SELECT
    transform(
        splitByChar('.', topic)[2],
        ['email-events', 'activity-events', 'reputation-partials', 'reputation-scores', 'verdicts', 'decisions',
         'outcomes', 'rulings', 'suppressions', 'segment-transitions', 'segment-statuses', 'journey-steps'],
        ['normalise', 'normalise', 'reputation', 'reputation', 'reputation', 'remediation',
         'remediation', 'console', 'suppression', 'segments', 'segments', 'segments'],
        'several'
    ) AS service,
    splitByChar('.', topic)[2] AS writes,
    uniqExact(partition) AS partitions,
    sum(records) AS records,
    count() AS batches,
    max(written_at) AS last_at,
    greatest(dateDiff('second', last_at, fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')), 0) AS silent_for_s
FROM (SELECT *, '' AS tenant FROM mailweir.sink_batches)
WHERE written_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND written_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY topic
ORDER BY service, writes
LIMIT {limit:UInt32}
