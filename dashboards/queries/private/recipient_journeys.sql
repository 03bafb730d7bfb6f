-- On which journeys was one recipient, and where are they?
-- unit: runs
-- default limit: 50
SELECT journey_id, run_id, version, entered_at, left_at, ended, calls, last_place, steps
FROM mailweir.journey_runs
WHERE tenant = {tenant:String} AND recipient_key = {recipient:String}
ORDER BY entered_at DESC, run_id
LIMIT {limit:UInt32}
