-- What remediation decided and from which evidence.
CREATE TABLE IF NOT EXISTS decisions
(
    decision_id String CODEC(ZSTD(3)),
    tenant LowCardinality(String),
    kind LowCardinality(String),
    key String,
    action LowCardinality(String),
    mode LowCardinality(String),
    level LowCardinality(String),
    previous_level LowCardinality(String),
    reason String CODEC(ZSTD(3)),
    evidence String CODEC(ZSTD(3)),
    policy_version LowCardinality(String),
    campaign_id LowCardinality(String),
    sending_ip LowCardinality(String),
    mailbox_provider LowCardinality(String),
    sources Array(LowCardinality(String)),
    as_of DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    first_signal_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    decided_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(decided_at)
ORDER BY (tenant, decision_id)
SETTINGS non_replicated_deduplication_window = 10000;
