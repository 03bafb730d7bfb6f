-- Decisions say how much of the rate they let through, what is wrong, and which decision they take back.
ALTER TABLE decisions
    ADD COLUMN IF NOT EXISTS share Float64 DEFAULT 1 AFTER decided_at,
    ADD COLUMN IF NOT EXISTS cause LowCardinality(String) AFTER share,
    ADD COLUMN IF NOT EXISTS state LowCardinality(String) AFTER cause,
    ADD COLUMN IF NOT EXISTS reverts String CODEC(ZSTD(3)) AFTER state,
    ADD COLUMN IF NOT EXISTS ip_pool LowCardinality(String) AFTER reverts,
    ADD COLUMN IF NOT EXISTS expires_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)) AFTER ip_pool;
