-- What was processed again: one row for each dead letter and replay; a replay of a topic has one row as a whole.
CREATE TABLE IF NOT EXISTS replays
(
    replay_id String CODEC(ZSTD(3)),
    tenant LowCardinality(String),
    dead_letter_id String CODEC(ZSTD(3)),
    who String CODEC(ZSTD(3)),
    why String CODEC(ZSTD(3)),
    replayed_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    origin_topic LowCardinality(String),
    origin_partition Int32,
    origin_offset Int64 CODEC(Delta(8), ZSTD(1)),
    again_partition Int32,
    again_offset Int64 CODEC(Delta(8), ZSTD(1)),
    records Int64,
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(replayed_at)
ORDER BY (tenant, dead_letter_id, replay_id)
TTL toDateTime(inserted_at) + INTERVAL 365 DAY
SETTINGS non_replicated_deduplication_window = 10000;
