-- What did mailweir decide, from which evidence, who said what to it, and what came of it?
-- unit: decisions
-- default limit: 20
-- default state: ''
-- default campaign: ''
-- default id: ''
-- default prefix: ''
-- default after_id: ''
WITH (
    SELECT groupArray(decision_id)
    FROM (
        SELECT decision_id
        FROM mailweir.decisions FINAL
        WHERE decided_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
          AND (
              decided_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
              OR (
                  {after_id:String} != ''
                  AND decided_at = fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
                  AND decision_id > {after_id:String}
              )
          )
          AND ({tenant:String} = '' OR tenant = {tenant:String})
          AND ({campaign:String} = '' OR campaign_id = {campaign:String})
          AND ({id:String} = '' OR decision_id = {id:String})
          AND startsWith(decision_id, {prefix:String})
          AND (
              {state:String} = ''
              OR decision_id IN (SELECT decision_id FROM mailweir.decision_states WHERE state = {state:String})
          )
        ORDER BY decided_at DESC, decision_id
        LIMIT {limit:UInt32}
    )
) AS asked,
newest AS (
    SELECT
        d.*,
        s.state AS standing,
        s.verb AS verb,
        s.who AS who,
        s.why AS why,
        s.ruled_at AS ruled_at,
        s.reverted_by AS reverted_by
    FROM (
        SELECT * EXCEPT (state), state AS key_state
        FROM mailweir.decisions FINAL
        WHERE has(asked, decision_id)
    ) AS d
    LEFT JOIN (
        SELECT *
        FROM mailweir.decision_states
        WHERE has(asked, decision_id)
    ) AS s ON s.tenant = d.tenant AND s.decision_id = d.decision_id
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
    campaign_id,
    sending_ip,
    mailbox_provider,
    as_of,
    first_signal_at,
    share,
    cause,
    key_state,
    ip_pool,
    reverts,
    expires_at,
    standing AS state,
    verb,
    who,
    why,
    ruled_at,
    reverted_by,
    done.statuses AS statuses,
    done.sources AS sources,
    done.drivers AS drivers,
    done.details AS details,
    done.attempts AS attempts,
    done.http_statuses AS http_statuses,
    done.times AS executed_times,
    done.last_executed_at AS last_executed_at,
    said.ids AS ruling_ids,
    said.verbs AS ruling_verbs,
    said.people AS ruling_people,
    said.reasons AS ruling_reasons,
    said.times AS ruling_times
FROM newest
LEFT JOIN (
    SELECT
        decision_id,
        groupArray(newest_status) AS statuses,
        groupArray(source) AS sources,
        groupArray(newest_driver) AS drivers,
        groupArray(newest_detail) AS details,
        groupArray(newest_attempt) AS attempts,
        groupArray(newest_http_status) AS http_statuses,
        groupArray(newest_executed_at) AS times,
        max(newest_executed_at) AS last_executed_at
    FROM (
        SELECT
            decision_id,
            source,
            argMax(status, (attempt, executed_at)) AS newest_status,
            argMax(driver, (attempt, executed_at)) AS newest_driver,
            argMax(detail, (attempt, executed_at)) AS newest_detail,
            argMax(http_status, (attempt, executed_at)) AS newest_http_status,
            max(attempt) AS newest_attempt,
            max(executed_at) AS newest_executed_at
        FROM mailweir.outcomes FINAL
        WHERE has(asked, decision_id) AND NOT startsWith(driver, 'alert-')
        GROUP BY decision_id, source
        ORDER BY source
    )
    GROUP BY decision_id
) AS done USING (decision_id)
LEFT JOIN (
    SELECT
        decision_id,
        groupArray(ruling_id) AS ids,
        groupArray(verb) AS verbs,
        groupArray(who) AS people,
        groupArray(why) AS reasons,
        groupArray(ruled_at) AS times
    FROM (
        SELECT *
        FROM mailweir.rulings FINAL
        WHERE has(asked, decision_id)
        ORDER BY ruled_at, ruling_id
    )
    GROUP BY decision_id
) AS said USING (decision_id)
ORDER BY decided_at DESC, decision_id
