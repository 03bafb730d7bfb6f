-- Beside the score: how it moved in a day, what would move it, and what other people's rules would say.
ALTER TABLE reputation_scores ADD COLUMN IF NOT EXISTS trend Float64 AFTER newest_received_at;
ALTER TABLE reputation_scores ADD COLUMN IF NOT EXISTS advice String CODEC(ZSTD(3)) AFTER trend;
ALTER TABLE reputation_scores ADD COLUMN IF NOT EXISTS emulations Array(Tuple(name String, rate Float64, warn Float64, limit Float64, mark String, numerator Float64, denominator Float64, basis String, note String)) AFTER advice;

CREATE OR REPLACE VIEW scores AS
SELECT * FROM reputation_scores FINAL;

CREATE OR REPLACE VIEW scores_now AS
SELECT * FROM reputation_scores FINAL
ORDER BY version DESC, scored_at DESC
LIMIT 1 BY tenant, kind, key;
