-- How much of what came had come before?
-- unit: events
-- Senders repeat posts, a crash repeats a step; repeated events replace themselves. What the sink stored of mail events
-- in the span against the different ones among them. Both are of the whole log: with a tenant chosen there are none.
SELECT
    stored.records AS stored,
    found.events AS distinct_events,
    greatest(stored.records - found.events, 0) AS repeated,
    repeated / nullIf(stored.records, 0) AS repeated_share
FROM (
    SELECT sum(records) AS records
    FROM (SELECT *, '' AS tenant FROM mailweir.sink_batches)
    WHERE topic = 'mailweir.email-events.v1'
      AND written_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND written_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      AND ({tenant:String} = '' OR tenant = {tenant:String})
) AS stored
CROSS JOIN (
    SELECT count() AS events
    FROM mailweir.email_events FINAL
    PREWHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND received_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    WHERE {tenant:String} = ''
) AS found
