-- How many recipients are in each segment, and how many came and went in the span?
-- unit: recipients
-- default segment: ''
-- default limit: 1000
-- Every recipient of a segment enters and leaves by turns, so entries less exits are who is in it. Only entries name the
-- rule that is in force: who leaves does so under the version by which they entered.
SELECT
    tenant,
    segment_id,
    sum(members) AS size,
    sum(entries) AS entered,
    sum(exits) AS exited,
    argMax(version, (newest_entry_at, version)) AS rule_version,
    argMax(first_entry_at, (newest_entry_at, version)) AS live_since,
    max(newest_at) AS last_change_at
FROM (
    SELECT
        tenant,
        segment_id,
        rule_version AS version,
        sum(if(is_member = 1, 1, -1)) AS members,
        countIf(is_member = 1 AND effective_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')) AS entries,
        countIf(is_member = 0 AND effective_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')) AS exits,
        minIf(effective_at, is_member = 1) AS first_entry_at,
        maxIf(detected_at, is_member = 1) AS newest_entry_at,
        max(effective_at) AS newest_at
    FROM mailweir.segment_changes FINAL
    WHERE ({tenant:String} = '' OR tenant = {tenant:String})
      AND ({segment:String} = '' OR segment_id = {segment:String})
      AND effective_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    GROUP BY tenant, segment_id, rule_version
)
GROUP BY tenant, segment_id
ORDER BY tenant, segment_id
LIMIT {limit:UInt32}
