-- What did mailweir decide, from which evidence, and what came of it?
-- unit: decisions
-- default limit: 20
WITH newest AS (
    SELECT *
    FROM mailweir.decisions FINAL
    WHERE decided_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND decided_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND ({tenant:String} = '' OR tenant = {tenant:String})
    ORDER BY decided_at DESC, decision_id
    LIMIT {limit:UInt32}
)
SELECT
    decided_at,
    decision_id,
    tenant,
    kind,
    key,
    action,
    mode,
    level,
    previous_level,
    reason,
    evidence,
    policy_version,
    first_signal_at,
    done.statuses AS statuses,
    done.sources AS sources,
    done.drivers AS drivers,
    done.details AS details,
    done.last_executed_at AS last_executed_at
FROM newest
LEFT JOIN (
    SELECT
        decision_id,
        groupArray(newest_status) AS statuses,
        groupArray(source) AS sources,
        groupArray(newest_driver) AS drivers,
        groupArray(newest_detail) AS details,
        max(newest_executed_at) AS last_executed_at
    FROM (
        SELECT
            decision_id,
            source,
            argMax(status, (attempt, executed_at)) AS newest_status,
            argMax(driver, (attempt, executed_at)) AS newest_driver,
            argMax(detail, (attempt, executed_at)) AS newest_detail,
            max(executed_at) AS newest_executed_at
        FROM mailweir.outcomes FINAL
        WHERE decision_id IN (SELECT decision_id FROM newest)
        GROUP BY decision_id, source
        ORDER BY source
    )
    GROUP BY decision_id
) AS done USING (decision_id)
ORDER BY decided_at DESC, decision_id
