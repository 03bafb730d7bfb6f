-- How many records a second did each service write that the sink has stored?
-- unit: records/s
-- default bucket_s: 5
-- By when the sink wrote them. Batches are of no tenant: with one chosen there are none.
SELECT
    toStartOfInterval(written_at, toIntervalSecond(greatest({bucket_s:UInt32}, 1))) AS time,
    concat(transform(
        splitByChar('.', topic)[2],
        ['email-events', 'activity-events', 'reputation-partials', 'reputation-scores', 'verdicts', 'decisions',
         'outcomes', 'rulings', 'suppressions', 'segment-transitions', 'segment-statuses', 'journey-steps'],
        ['normalise', 'normalise', 'reputation', 'reputation', 'reputation', 'remediation',
         'remediation', 'console', 'suppression', 'segments', 'segments', 'segments'],
        'several'
    ), ': ', splitByChar('.', topic)[2]) AS service,
    sum(records) / greatest({bucket_s:UInt32}, 1) AS records_per_s
FROM (SELECT *, '' AS tenant FROM mailweir.sink_batches)
WHERE written_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND written_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
GROUP BY time, service
ORDER BY time, service
LIMIT 20000
