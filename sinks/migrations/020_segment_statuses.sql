-- What has become of each segment and rule version: being built from the past, live, ended.
CREATE TABLE IF NOT EXISTS segment_statuses
(
    tenant LowCardinality(String),
    segment_id LowCardinality(String),
    rule_version LowCardinality(String),
    status LowCardinality(String),
    since DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(since)
ORDER BY (tenant, segment_id, rule_version, since, status)
SETTINGS non_replicated_deduplication_window = 10000;

-- The newest of each segment and version that is not ended.
CREATE VIEW IF NOT EXISTS segment_list AS
SELECT tenant, segment_id, rule_version, status, since
FROM
(
    SELECT * FROM segment_statuses FINAL
    ORDER BY since DESC, status = 'building'
    LIMIT 1 BY tenant, segment_id, rule_version
)
WHERE status != 'ended';
