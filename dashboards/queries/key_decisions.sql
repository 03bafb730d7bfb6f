-- What was decided about one key, or about a part of it?
-- unit: decisions
-- default kind: ''
-- default key: ''
-- default limit: 50
-- A part: the campaign, IP or provider at which a key of two parts was judged.
SELECT
    d.decided_at AS decided_at,
    d.decision_id AS decision_id,
    d.kind AS kind,
    d.key AS key,
    d.action AS action,
    d.mode AS mode,
    d.level AS level,
    d.reason AS reason,
    s.state AS state
FROM (
    SELECT *
    FROM mailweir.decisions FINAL
    WHERE ({tenant:String} = '' OR tenant = {tenant:String})
      AND decided_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND decided_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND (
          {kind:String} = ''
          OR (kind = {kind:String} AND key = {key:String})
          OR ({kind:String} = 'campaign' AND campaign_id = {key:String})
          OR ({kind:String} = 'ip' AND sending_ip = {key:String})
          OR ({kind:String} = 'provider' AND mailbox_provider = {key:String})
          OR (kind = concat({kind:String}, '_provider') AND startsWith(key, concat({key:String}, '|')))
      )
    ORDER BY decided_at DESC, decision_id
    LIMIT {limit:UInt32}
) AS d
LEFT JOIN (
    SELECT tenant, decision_id, state
    FROM mailweir.decision_states
    WHERE ({tenant:String} = '' OR tenant = {tenant:String})
) AS s ON s.tenant = d.tenant AND s.decision_id = d.decision_id
ORDER BY decided_at DESC, decision_id
