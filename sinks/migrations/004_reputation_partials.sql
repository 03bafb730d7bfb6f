-- Absolute counts of one log partition about one key in one minute: the newest applied_offset wins, partitions
-- add up. Always read it through the view `partials` or with FINAL.
CREATE TABLE IF NOT EXISTS reputation_partials
(
    sent Int64,
    delivered Int64,
    deferred Int64,
    deferred_reputation Int64,
    bounced_address Int64,
    bounced_block Int64,
    bounced_content Int64,
    bounced_other Int64,
    suppressed Int64,
    rejected Int64,
    opened Int64,
    opened_machine Int64,
    clicked Int64,
    clicked_machine Int64,
    complained Int64,
    unsubscribed Int64,
    other Int64,
    tenant LowCardinality(String),
    kind LowCardinality(String),
    key String,
    source LowCardinality(String),
    minute DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    partition Int32,
    applied_offset Int64 CODEC(Delta(8), ZSTD(1)),
    watermark DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    oldest_new_received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    newest_received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(applied_offset)
PARTITION BY toYYYYMM(minute)
ORDER BY (tenant, kind, key, minute, source, partition)
SETTINGS non_replicated_deduplication_window = 10000;
