-- The same transitions once more, without recipients and texts: sizes of segments are sums over all of them, and FINAL over
-- keys of 64 letters is five times the work (docs/decisions/0030). `id` is half of the transition's, so what came twice is
-- one row. The day comes first: parts are of different days, and where they are FINAL has nothing to compare. The table
-- notes no tokens: what the sink sends again comes here again, also where the store was killed between the two tables.
CREATE TABLE IF NOT EXISTS segment_changes
(
    tenant LowCardinality(String),
    segment_id LowCardinality(String),
    rule_version LowCardinality(String),
    effective_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UInt64 CODEC(NONE),
    is_member Int8,
    is_rule Bool,
    detected_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(detected_at)
ORDER BY (toStartOfDay(effective_at), tenant, segment_id, effective_at, id)
SETTINGS non_replicated_deduplication_window = 0, min_bytes_for_wide_part = 268435456;

CREATE MATERIALIZED VIEW IF NOT EXISTS segment_changes_feed TO segment_changes AS
SELECT
    tenant,
    segment_id,
    rule_version,
    effective_at,
    reinterpretAsUInt64(unhex(substring(transition_id, 1, 16))) AS id,
    is_member,
    cause = 'rule' AS is_rule,
    detected_at
FROM segment_transitions;

-- Those that were there before, and what came meanwhile a second time; they come in another order, so they are merged at once.
INSERT INTO segment_changes
SELECT
    tenant,
    segment_id,
    rule_version,
    effective_at,
    reinterpretAsUInt64(unhex(substring(transition_id, 1, 16))) AS id,
    is_member,
    cause = 'rule' AS is_rule,
    detected_at
FROM segment_transitions;

OPTIMIZE TABLE segment_changes FINAL;

-- Of a recipient's transitions the newest counts, however often each is stored, so this needs no FINAL; and columns that
-- nobody asks for are not read. `place`: both of what orders them in one number.
CREATE OR REPLACE VIEW segment_members AS
WITH toInt128(toUnixTimestamp64Milli(detected_at)) * 4294967296 + number AS place
SELECT
    tenant,
    segment_id,
    recipient_key,
    argMax(segment_transitions.rule_version, place) AS rule_version,
    argMax(effective_at, place) AS since,
    argMax(segment_transitions.cause, place) AS cause
FROM segment_transitions
GROUP BY tenant, segment_id, recipient_key
HAVING argMax(is_member, place) = 1;
