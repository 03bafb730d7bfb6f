-- Which records could not be processed, newest first, and which of them were processed again, by whom?
-- unit: records
-- default stage: ''
-- default code: ''
-- default source: ''
-- default id: ''
-- default state: ''
-- default after_id: ''
-- default limit: 50
-- A letter about a record that could not be decoded knows no time of receipt; then it is when it was stored.
-- A repeat that failed again is a letter of its own, whose origin is where the repeat lay.
WITH again AS
(
    SELECT
        dead_letter_id,
        count() AS replays,
        argMax(replay_id, replayed_at) AS replay_id,
        argMax(who, replayed_at) AS who,
        argMax(why, replayed_at) AS why,
        argMax((origin_topic, again_partition, again_offset), replayed_at) AS lies,
        max(r.replayed_at) AS at
    FROM mailweir.replays AS r FINAL
    WHERE dead_letter_id != ''
    GROUP BY dead_letter_id
)
SELECT
    if(d.received_at > toDateTime64(0, 3, 'UTC'), d.received_at, d.inserted_at) AS failed_at,
    d.dead_letter_id AS dead_letter_id,
    d.tenant AS tenant,
    d.stage AS stage,
    d.code AS code,
    d.reason AS reason,
    d.source AS source,
    d.provider AS provider,
    d.received_at AS received_at,
    d.origin_topic AS origin_topic,
    d.origin_partition AS origin_partition,
    d.origin_offset AS origin_offset,
    d.item_index AS item_index,
    a.replays AS replays,
    a.at AS replayed_at,
    a.replay_id AS replay_id,
    a.who AS replayed_by,
    a.why AS replayed_why,
    multiIf(a.replays = 0, 'open', a.lies IN (SELECT (origin_topic, origin_partition, origin_offset) FROM mailweir.dead_letters), 'failed_again', 'replayed') AS state
FROM (SELECT * EXCEPT original FROM mailweir.dead_letters FINAL) AS d
LEFT JOIN again AS a ON a.dead_letter_id = d.dead_letter_id
WHERE failed_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND (failed_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
       OR ({after_id:String} != '' AND failed_at = fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC') AND dead_letter_id > {after_id:String}))
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({stage:String} = '' OR stage = {stage:String})
  AND ({code:String} = '' OR code = {code:String})
  AND ({source:String} = '' OR source = {source:String})
  AND ({id:String} = '' OR startsWith(dead_letter_id, {id:String}))
  AND ({state:String} = '' OR state = {state:String})
ORDER BY failed_at DESC, dead_letter_id
LIMIT {limit:UInt32}
