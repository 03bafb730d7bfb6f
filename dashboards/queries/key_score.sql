-- How good is the reputation of one key now, how sure are we, and what is counted against it?
-- unit: points (0 to 100)
-- default kind: ''
-- default key: ''
-- However long ago that was. The order of the table finds the key, so only its own scores are read.
SELECT
    tenant,
    kind,
    key,
    level,
    score,
    score_low,
    score_high,
    as_of,
    window_start,
    scored_at,
    sent,
    delivered,
    bounced_address,
    bounced_block,
    bounced_content + bounced_other AS bounced_rest,
    deferred + deferred_reputation AS put_off,
    complained,
    unsubscribed,
    toJSONString(penalties) AS penalties,
    toJSONString(signals) AS signals,
    trend,
    advice,
    toJSONString(emulations) AS emulations
FROM mailweir.reputation_scores
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({kind:String} = '' OR (kind = {kind:String} AND key = {key:String}))
ORDER BY version DESC, scored_at DESC
LIMIT 1
