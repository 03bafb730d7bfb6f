-- One row per figure about a domain or an IP. The sorting key identifies what the figure is about: a later answer replaces an earlier one.
CREATE TABLE IF NOT EXISTS standing_reports
(
    event_id String CODEC(ZSTD(3)),
    tenant LowCardinality(String),
    source LowCardinality(String),
    provider LowCardinality(String),
    received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    domain LowCardinality(String),
    sending_ip String CODEC(ZSTD(3)),
    metric LowCardinality(String),
    begins_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ends_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    unit LowCardinality(String),
    value Float64,
    text LowCardinality(String),
    detail String CODEC(ZSTD(3)),
    raw_topic LowCardinality(String),
    raw_partition Int32,
    raw_offset Int64 CODEC(Delta(8), ZSTD(1)),
    raw_index Int32,
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(received_at)
PARTITION BY toYYYYMM(begins_at)
ORDER BY (tenant, provider, domain, sending_ip, metric, begins_at, event_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE VIEW IF NOT EXISTS standing AS
SELECT * FROM standing_reports FINAL;
