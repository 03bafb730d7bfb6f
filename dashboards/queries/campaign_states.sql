-- Which campaigns has mailweir paused (or advised to pause) and not resumed since?
-- unit: campaigns
-- default limit: 50
WITH last AS (
    SELECT
        tenant,
        campaign_id,
        argMax(d.action, (d.decided_at, d.decision_id)) AS action,
        argMax(d.decision_id, (d.decided_at, d.decision_id)) AS decision_id,
        argMax(d.mode, (d.decided_at, d.decision_id)) AS mode,
        argMax(d.reason, (d.decided_at, d.decision_id)) AS reason,
        max(d.decided_at) AS decided_at
    FROM mailweir.decisions AS d FINAL
    WHERE d.action IN ('pause_campaign', 'resume_campaign')
      AND campaign_id != ''
      AND ({tenant:String} = '' OR tenant = {tenant:String})
    GROUP BY tenant, campaign_id
)
SELECT
    tenant,
    campaign_id,
    mode,
    reason,
    decided_at,
    decision_id,
    done.statuses AS statuses,
    done.executed_at AS executed_at
FROM last
LEFT JOIN (
    SELECT decision_id, groupUniqArray(newest_status) AS statuses, max(newest_executed_at) AS executed_at
    FROM (
        SELECT
            decision_id,
            source,
            argMax(status, (attempt, executed_at)) AS newest_status,
            max(executed_at) AS newest_executed_at
        FROM mailweir.outcomes FINAL
        WHERE decision_id IN (SELECT decision_id FROM last) AND NOT startsWith(driver, 'alert-')
        GROUP BY decision_id, source
    )
    GROUP BY decision_id
) AS done USING (decision_id)
WHERE action = 'pause_campaign'
ORDER BY decided_at DESC, campaign_id
LIMIT {limit:UInt32}
