-- What each control answered to a decision; the newest attempt wins.
CREATE TABLE IF NOT EXISTS outcomes
(
    outcome_id String CODEC(ZSTD(3)),
    decision_id String CODEC(ZSTD(3)),
    tenant LowCardinality(String),
    kind LowCardinality(String),
    key String,
    action LowCardinality(String),
    source LowCardinality(String),
    driver LowCardinality(String),
    status LowCardinality(String),
    attempt Int32,
    http_status Int32,
    detail String CODEC(ZSTD(3)),
    executed_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(attempt)
ORDER BY (tenant, decision_id, outcome_id)
SETTINGS non_replicated_deduplication_window = 10000;
