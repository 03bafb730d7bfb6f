-- What runs of journeys did. A step's id follows from its run and number, so one that came twice is one row.
CREATE TABLE IF NOT EXISTS journey_steps
(
    step_id String CODEC(ZSTD(3)),
    tenant LowCardinality(String),
    recipient_key String CODEC(ZSTD(3)),
    journey_id LowCardinality(String),
    version LowCardinality(String),
    run_id String CODEC(ZSTD(3)),
    number Int32,
    kind LowCardinality(String),
    outcome LowCardinality(String),
    place LowCardinality(String),
    at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    cause String CODEC(ZSTD(3)),
    key String CODEC(ZSTD(3)),
    data String CODEC(ZSTD(3)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (tenant, journey_id, recipient_key, run_id, number)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE VIEW IF NOT EXISTS journeys AS
SELECT * FROM journey_steps FINAL;

-- One row per run: when it began, where it is or how it ended, and how many calls it made.
CREATE VIEW IF NOT EXISTS journey_runs AS
SELECT
    tenant, journey_id, recipient_key, run_id, any(s.version) AS version, any(s.key) AS key,
    min(s.at) AS entered_at,
    maxIf(s.at, s.kind = 'left') AS left_at,
    anyIf(s.outcome, s.kind = 'left') AS ended,
    countIf(s.kind = 'called') AS calls,
    argMax(s.place, s.number) AS last_place,
    max(s.number) AS steps
FROM journey_steps AS s FINAL
WHERE s.kind != 'refused'
GROUP BY tenant, journey_id, recipient_key, run_id;
