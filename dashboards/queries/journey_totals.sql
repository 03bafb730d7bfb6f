-- How many people went on each journey, where are they, and how did it end for them?
-- unit: runs
-- default limit: 200
-- Runs that began in the span. `goal`: ended because what the journey is for had happened.
SELECT
    tenant,
    journey_id,
    count() AS entered,
    countIf(ended = '') AS under_way,
    countIf(ended = 'done') AS done,
    countIf(ended = 'exit_when') AS goal,
    countIf(ended NOT IN ('', 'done', 'exit_when')) AS ended_otherwise,
    sum(run_calls) AS calls
FROM (
    SELECT
        tenant,
        journey_id,
        min(s.at) AS entered_at,
        anyIf(s.outcome, s.kind = 'left') AS ended,
        countIf(s.kind = 'called') AS run_calls
    FROM mailweir.journey_steps AS s FINAL
    WHERE ({tenant:String} = '' OR tenant = {tenant:String})
      AND s.kind != 'refused'
    GROUP BY tenant, journey_id, recipient_key, run_id
)
WHERE entered_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND entered_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
GROUP BY tenant, journey_id
ORDER BY entered DESC, tenant, journey_id
LIMIT {limit:UInt32}
