-- May one recipient be mailed, and what was ever said of that?
-- unit: facts
-- default limit: 200
-- `in_force`: of the facts about one scope and cause the newest, as in the view `suppressed`, if it has not ended at `to_ms`.
SELECT
    scope,
    cause,
    status,
    since,
    until,
    source,
    replaceRegexpAll(reason, '[^\\s<>()]+@[^\\s<>()]+', '…@…') AS reason,
    who,
    event_id,
    status = 'active'
    AND (toUnixTimestamp64Milli(until) = 0 OR toUnixTimestamp64Milli(until) > {to_ms:Int64})
    AND row_number() OVER (
        PARTITION BY scope, cause
        ORDER BY since DESC, status = 'active' DESC, toUnixTimestamp64Milli(until) = 0 DESC, until DESC
    ) = 1 AS in_force
FROM mailweir.suppressions FINAL
WHERE tenant = {tenant:String} AND recipient_key = {recipient:String}
ORDER BY in_force DESC, since DESC, scope, cause
LIMIT {limit:UInt32}
