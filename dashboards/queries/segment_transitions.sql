-- Who entered a segment or left it last, and why?
-- unit: transitions
-- default segment: ''
-- default limit: 50
-- `cause`: the event's id, '' where only time has passed, 'rule' where the rules were changed.
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
FROM mailweir.segment_transitions FINAL
WHERE effective_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND effective_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({segment:String} = '' OR segment_id = {segment:String})
ORDER BY effective_at DESC, detected_at DESC, recipient_key, number DESC
LIMIT {limit:UInt32}
