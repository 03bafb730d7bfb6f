-- Every fact about who must not be mailed. A fact stays when a newer one follows it: the table is the audit trail.
CREATE TABLE IF NOT EXISTS suppressions
(
    tenant LowCardinality(String),
    scope LowCardinality(String),
    recipient_key String CODEC(ZSTD(3)),
    cause LowCardinality(String),
    status LowCardinality(String),
    since DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    until DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    source LowCardinality(String),
    event_id String CODEC(ZSTD(3)),
    reason String CODEC(ZSTD(3)),
    who LowCardinality(String),
    recipient String CODEC(ZSTD(3)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(until)
ORDER BY (tenant, recipient_key, scope, cause, since, status, event_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- What is in force now: of the facts about one address, scope and cause the newest, if it suppresses and has not ended.
CREATE VIEW IF NOT EXISTS suppressed AS
SELECT tenant, scope, recipient_key, recipient, cause, since, until, source, reason, who, event_id
FROM
(
    SELECT * FROM suppressions FINAL
    ORDER BY since DESC, status = 'active' DESC, toUnixTimestamp64Milli(until) = 0 DESC, until DESC
    LIMIT 1 BY tenant, recipient_key, scope, cause
)
WHERE status = 'active' AND (toUnixTimestamp64Milli(until) = 0 OR until > now64(3));
