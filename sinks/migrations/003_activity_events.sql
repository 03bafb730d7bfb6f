-- What people did outside of mail; same rules as email_events.
CREATE TABLE IF NOT EXISTS activity_events
(
    event_id String CODEC(ZSTD(3)),
    tenant LowCardinality(String),
    source LowCardinality(String),
    provider LowCardinality(String),
    activity LowCardinality(String),
    name LowCardinality(String),
    occurred_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    provider_event_id String CODEC(ZSTD(3)),
    recipient String CODEC(ZSTD(3)),
    recipient_key String CODEC(ZSTD(3)),
    anonymous_id String CODEC(ZSTD(3)),
    properties String CODEC(ZSTD(3)),
    traits String CODEC(ZSTD(3)),
    url String CODEC(ZSTD(3)),
    user_agent String CODEC(ZSTD(3)),
    client_ip String,
    raw_topic LowCardinality(String),
    raw_partition Int32,
    raw_offset Int64 CODEC(Delta(8), ZSTD(1)),
    raw_index Int32,
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1)),
    INDEX by_recipient recipient_key TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(received_at)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (tenant, toStartOfHour(occurred_at), event_id)
SETTINGS non_replicated_deduplication_window = 10000;
