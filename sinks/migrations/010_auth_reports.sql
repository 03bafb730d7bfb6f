-- One row per row of a DMARC or TLS report. The sorting key identifies the row: a report that comes twice replaces itself.
CREATE TABLE IF NOT EXISTS auth_reports
(
    event_id String CODEC(ZSTD(3)),
    tenant LowCardinality(String),
    source LowCardinality(String),
    provider LowCardinality(String),
    received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    kind LowCardinality(String),
    reporter LowCardinality(String),
    reporter_contact LowCardinality(String),
    report_id String CODEC(ZSTD(3)),
    begins_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ends_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    domain LowCardinality(String),
    policy LowCardinality(String),
    policy_details String CODEC(ZSTD(3)),
    count Int64,
    outcome LowCardinality(String),
    disposition LowCardinality(String),
    reason LowCardinality(String),
    detail String CODEC(ZSTD(3)),
    sending_ip String CODEC(ZSTD(3)),
    header_from LowCardinality(String),
    envelope_from String,
    envelope_to LowCardinality(String),
    dkim LowCardinality(String),
    spf LowCardinality(String),
    auth_results String CODEC(ZSTD(3)),
    remote_host LowCardinality(String),
    remote_ip String,
    raw_topic LowCardinality(String),
    raw_partition Int32,
    raw_offset Int64 CODEC(Delta(8), ZSTD(1)),
    raw_index Int32,
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(received_at)
PARTITION BY toYYYYMM(begins_at)
ORDER BY (tenant, domain, begins_at, event_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE VIEW IF NOT EXISTS authentication AS
SELECT * FROM auth_reports FINAL;
