-- What the sink is about to insert, written before it does: the audit trail, and how a batch that a
-- crash cut short is sent again with the same bounds. `topic_id` tells a topic from a later one of
-- the same name. Read by sinks/intents.py.
CREATE TABLE IF NOT EXISTS sink_batches
(
    topic LowCardinality(String),
    topic_id LowCardinality(String),
    partition Int32,
    first_offset Int64,
    last_offset Int64,
    records UInt32,
    writer LowCardinality(String),
    written_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
ORDER BY (topic, topic_id, partition, last_offset)
TTL toDateTime(written_at) + INTERVAL 14 DAY
SETTINGS non_replicated_deduplication_window = 10000;
