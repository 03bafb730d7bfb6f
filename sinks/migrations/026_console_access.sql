-- Who looked at what is known of a recipient, for good: one row per answer of the console.
CREATE TABLE IF NOT EXISTS console_access
(
    access_id String CODEC(ZSTD(3)),
    tenant LowCardinality(String),
    recipient_key String CODEC(ZSTD(3)),
    part LowCardinality(String),
    who String CODEC(ZSTD(3)),
    why String CODEC(ZSTD(3)),
    looked_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(looked_at)
ORDER BY (tenant, recipient_key, access_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE VIEW IF NOT EXISTS access_log AS
SELECT looked_at, who, why, part, tenant, recipient_key, access_id
FROM console_access FINAL;
