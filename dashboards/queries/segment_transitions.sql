-- Who entered a segment or left it last, and why?
-- unit: transitions
-- default segment: ''
-- default limit: 50
-- `cause`: the event's id, '' where only time has passed, 'rule' where the rules were changed.
-- Only what is as new as the last of those that will be shown is read whole; what is stored twice is dropped there.
WITH (
    SELECT min(effective_at)
    FROM (
        SELECT effective_at
        FROM mailweir.segment_changes FINAL
        WHERE effective_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
          AND effective_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
          AND ({tenant:String} = '' OR tenant = {tenant:String})
          AND ({segment:String} = '' OR segment_id = {segment:String})
        ORDER BY effective_at DESC
        LIMIT {limit:UInt32}
    )
) AS first_at
SELECT
    effective_at,
    tenant,
    segment_id,
    recipient_key,
    is_member,
    cause,
    rule_version,
    detected_at,
    number,
    transition_id
FROM mailweir.segment_transitions
WHERE effective_at >= first_at
  AND effective_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({segment:String} = '' OR segment_id = {segment:String})
ORDER BY effective_at DESC, detected_at DESC, recipient_key, number DESC
LIMIT 1 BY tenant, segment_id, recipient_key, transition_id
LIMIT {limit:UInt32}
