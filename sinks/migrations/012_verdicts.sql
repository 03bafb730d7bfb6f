-- What the detectors said of a key at the end of a slot of the log's clock, for 90 days: one row per key and slot.
CREATE TABLE IF NOT EXISTS verdicts
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
    at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    event_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    began_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    level LowCardinality(String),
    exposed Float64,
    parameters LowCardinality(String),
    sources Array(LowCardinality(String)),
    signals Array(Tuple(detector String, statistic Float64, warn Float64, throttle Float64, pause Float64, level String, numerator Float64, denominator Float64, explanation String)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(event_at)
ORDER BY (tenant, kind, key, at)
TTL toDateTime(inserted_at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE VIEW IF NOT EXISTS verdict_log AS
SELECT * FROM verdicts FINAL;
