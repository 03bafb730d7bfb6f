-- What could not be processed, with the original bytes, for 90 days.
CREATE TABLE IF NOT EXISTS dead_letters
(
    dead_letter_id String CODEC(ZSTD(3)),
    stage LowCardinality(String),
    code LowCardinality(String),
    reason String CODEC(ZSTD(3)),
    tenant LowCardinality(String),
    source LowCardinality(String),
    provider LowCardinality(String),
    received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    origin_topic LowCardinality(String),
    origin_partition Int32,
    origin_offset Int64 CODEC(Delta(8), ZSTD(1)),
    item_index Int32,
    original String CODEC(ZSTD(3)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(received_at)
ORDER BY (tenant, dead_letter_id)
TTL toDateTime(inserted_at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000;
