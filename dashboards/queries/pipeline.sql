-- Does the pipeline keep up: rows stored, newest event, newest batch, how long from webhook to row and to score?
-- unit: rows
-- Latencies are of events received, and keys scored, in the span; a score's counts from the receipt of the
-- longest-waiting event that it counted for the first time.
SELECT
    (SELECT count() FROM mailweir.email_events) AS rows_stored,
    (SELECT count() FROM mailweir.dead_letters) AS dead_letters,
    (
        SELECT max(written_at)
        FROM mailweir.sink_batches
        WHERE written_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    ) AS newest_batch_at,
    events.newest_at AS newest_event_at,
    events.p50_ms AS post_to_row_p50_ms,
    events.p99_ms AS post_to_row_p99_ms,
    scores.p50_ms AS post_to_score_p50_ms,
    scores.p99_ms AS post_to_score_p99_ms
FROM (
    SELECT
        maxOrNull(received_at) AS newest_at,
        quantileTDigestOrNull(0.5)(dateDiff('millisecond', received_at, inserted_at)) AS p50_ms,
        quantileTDigestOrNull(0.99)(dateDiff('millisecond', received_at, inserted_at)) AS p99_ms
    FROM mailweir.email_events
    WHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND ({tenant:String} = '' OR tenant = {tenant:String})
) AS events
CROSS JOIN (
    SELECT
        quantileTDigestOrNull(0.5)(dateDiff('millisecond', oldest_new_received_at, scored_at)) AS p50_ms,
        quantileTDigestOrNull(0.99)(dateDiff('millisecond', oldest_new_received_at, scored_at)) AS p99_ms
    FROM mailweir.reputation_scores
    WHERE scored_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND scored_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND oldest_new_received_at > fromUnixTimestamp64Milli(0, 'UTC')
      AND ({tenant:String} = '' OR tenant = {tenant:String})
) AS scores
