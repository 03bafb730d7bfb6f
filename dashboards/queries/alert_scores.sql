-- What is the newest score of each campaign, IP and domain?
-- unit: points (0 to 100)
-- default least: 200
-- default limit: 1000
-- Keys with at least `least` messages in the score's window, worst first.
SELECT
    tenant,
    kind,
    s.key AS key,
    argMax(s.score, s.version) AS newest_score
FROM mailweir.reputation_scores AS s
WHERE scored_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND scored_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND kind IN ('campaign', 'ip', 'domain')
GROUP BY tenant, kind, key
HAVING argMax(s.sent + s.delivered, s.version) >= {least:UInt32}
ORDER BY newest_score, tenant, kind, key
LIMIT {limit:UInt32}
