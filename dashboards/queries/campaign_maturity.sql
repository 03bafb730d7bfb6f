-- How much of a campaign's delivered mail is old enough to have been complained about?
-- unit: messages
-- default campaign: ''
-- default bucket_s: 60
-- Complaints come hours late, so they are judged against mail that had the time for them: `exposed`. While it is far
-- below `delivered`, few complaints mean little. As the detectors said it, by the log's clock: when a campaign's level
-- changed, and every few seconds while it was in trouble.
SELECT
    toStartOfInterval(at, toIntervalSecond(greatest({bucket_s:UInt32}, 1))) AS time,
    concat(tenant, ' ', key) AS campaign_id,
    toFloat64(argMax(v.delivered, v.at)) AS delivered_then,
    argMax(v.exposed, v.at) AS exposed_then,
    toFloat64(argMax(v.complained, v.at)) AS complained_then
FROM mailweir.verdicts AS v FINAL
PREWHERE kind = 'campaign'
  AND at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({campaign:String} = '' OR key = {campaign:String})
GROUP BY time, tenant, key
ORDER BY time, campaign_id
LIMIT 20000
