-- Every score ever computed, for 90 days: one row per key and version. `scores_now` shows the newest.
CREATE TABLE IF NOT EXISTS reputation_scores
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
    as_of DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    window_start DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    version Int64 CODEC(Delta(8), ZSTD(1)),
    score Float64,
    score_low Float64,
    score_high Float64,
    level LowCardinality(String),
    scored_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    sources Array(LowCardinality(String)),
    penalties Array(Tuple(name String, points Float64, rate Float64, limit Float64, numerator Float64, denominator Float64, reason String)),
    signals Array(Tuple(detector String, statistic Float64, warn Float64, throttle Float64, pause Float64, level String, numerator Float64, denominator Float64, explanation String)),
    oldest_new_received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    newest_received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(scored_at)
ORDER BY (tenant, kind, key, version)
TTL toDateTime(inserted_at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000;
