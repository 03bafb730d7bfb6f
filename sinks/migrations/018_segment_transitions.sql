-- Who entered and left which segment. A transition's id follows from what changed, so one that came twice is one row.
CREATE TABLE IF NOT EXISTS segment_transitions
(
    transition_id String CODEC(ZSTD(3)),
    tenant LowCardinality(String),
    recipient_key String CODEC(ZSTD(3)),
    segment_id LowCardinality(String),
    rule_version LowCardinality(String),
    is_member Int8,
    detected_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    effective_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    cause String CODEC(ZSTD(3)),
    number Int32,
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(detected_at)
ORDER BY (tenant, segment_id, recipient_key, transition_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE VIEW IF NOT EXISTS transitions AS
SELECT * FROM segment_transitions FINAL;

-- Who is in which segment now, since when and why: of the recipient's transitions of a segment the newest is an entry.
CREATE VIEW IF NOT EXISTS segment_members AS
SELECT tenant, segment_id, recipient_key, rule_version, effective_at AS since, cause
FROM
(
    SELECT * FROM segment_transitions FINAL
    ORDER BY detected_at DESC, number DESC
    LIMIT 1 BY tenant, segment_id, recipient_key
)
WHERE is_member = 1;
