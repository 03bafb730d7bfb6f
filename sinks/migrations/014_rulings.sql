-- What people said to decisions: who, when, why. A ruling sent twice has the same id.
CREATE TABLE IF NOT EXISTS rulings
(
    ruling_id String CODEC(ZSTD(3)),
    tenant LowCardinality(String),
    decision_id String CODEC(ZSTD(3)),
    verb LowCardinality(String),
    who String CODEC(ZSTD(3)),
    why String CODEC(ZSTD(3)),
    ruled_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(ruled_at)
ORDER BY (tenant, decision_id, ruling_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- Where each decision stands, one row per decision. The ruling shown is the one that counted: a revert before the
-- first approval or rejection. What came of a decision goes before what was said about it.
-- Telling people is no outcome of a decision. No join: a condition on tenant or decision then reaches every table behind it.
CREATE VIEW IF NOT EXISTS decision_states AS
SELECT
    tenant,
    decision_id,
    multiIf(
        hasAny(back, ['done', 'dry_run']), 'reverted',
        hasAny(back, ['failed', 'misconfigured', 'unsupported']), 'revert_failed',
        reverted_by != '' OR has_revert, 'reverting',
        hasAny(statuses, ['failed', 'misconfigured']), 'failed',
        has(statuses, 'done'), 'done',
        has(statuses, 'rejected'), if(first_word = 'reject', 'rejected', 'expired'),
        has(statuses, 'dry_run'), 'dry_run',
        has(statuses, 'suggested'), 'suggested',
        has(statuses, 'unsupported'), 'unsupported',
        first_word = 'reject', 'rejected',
        first_word = 'approve', 'approved',
        has(statuses, 'waiting') OR decided_mode = 'approve', 'waiting',
        'open'
    ) AS state,
    counted.1 AS verb,
    counted.2 AS who,
    counted.3 AS why,
    counted.4 AS ruled_at,
    reverted_by
FROM
(
    SELECT
        tenant,
        decision_id,
        anyIf(word, origin = 'decision') AS decided_mode,
        groupUniqArrayIf(word, origin = 'outcome') AS statuses,
        groupUniqArrayIf(word, origin = 'outcome of revert') AS back,
        anyIf(other_id, origin = 'revert') AS reverted_by,
        countIf(origin = 'ruling' AND word = 'revert') > 0 AS has_revert,
        argMinIf(word, (at, other_id), origin = 'ruling' AND word != 'revert') AS first_word,
        argMinIf((word, person, reason, at), (word != 'revert', at, other_id), origin = 'ruling') AS counted,
        countIf(origin = 'decision') AS decisions
    FROM
    (
        SELECT tenant, decision_id, 'decision' AS origin, toString(mode) AS word, '' AS person, '' AS reason, decided_at AS at, '' AS other_id
        FROM decisions FINAL
        UNION ALL
        SELECT tenant, decision_id, 'outcome' AS origin, toString(status) AS word, '' AS person, '' AS reason, executed_at AS at, '' AS other_id
        FROM outcomes FINAL
        WHERE NOT startsWith(driver, 'alert-')
        UNION ALL
        SELECT tenant, decision_id, 'ruling' AS origin, toString(verb) AS word, who AS person, why AS reason, ruled_at AS at, ruling_id AS other_id
        FROM rulings FINAL
        UNION ALL
        SELECT tenant, reverts AS decision_id, 'revert' AS origin, '' AS word, '' AS person, '' AS reason, decided_at AS at, decisions.decision_id AS other_id
        FROM decisions FINAL
        WHERE reverts != ''
        UNION ALL
        SELECT o.tenant AS tenant, r.reverts AS decision_id, 'outcome of revert' AS origin, toString(o.status) AS word, '' AS person, '' AS reason, o.executed_at AS at, '' AS other_id
        FROM (SELECT tenant, decision_id, status, executed_at FROM outcomes FINAL WHERE NOT startsWith(driver, 'alert-') AND decision_id IN (SELECT decision_id FROM decisions WHERE reverts != '')) AS o
        INNER JOIN (SELECT tenant, decision_id, reverts FROM decisions FINAL WHERE reverts != '') AS r ON r.tenant = o.tenant AND r.decision_id = o.decision_id
    )
    GROUP BY tenant, decision_id
)
WHERE decisions > 0;

CREATE OR REPLACE VIEW decision_log AS
SELECT
    d.decided_at AS decided_at,
    d.tenant AS tenant,
    d.kind AS kind,
    d.key AS key,
    d.action AS action,
    d.mode AS mode,
    d.level AS level,
    d.previous_level AS previous_level,
    d.reason AS reason,
    s.state AS state,
    s.verb AS verb,
    s.who AS who,
    s.why AS why,
    s.ruled_at AS ruled_at,
    o.status AS status,
    o.source AS source,
    o.driver AS driver,
    o.attempt AS attempt,
    o.http_status AS http_status,
    o.detail AS detail,
    o.executed_at AS executed_at,
    d.campaign_id AS campaign_id,
    d.sending_ip AS sending_ip,
    d.mailbox_provider AS mailbox_provider,
    d.share AS share,
    d.cause AS cause,
    d.state AS key_state,
    d.ip_pool AS ip_pool,
    d.reverts AS reverts,
    s.reverted_by AS reverted_by,
    d.expires_at AS expires_at,
    d.first_signal_at AS first_signal_at,
    d.as_of AS as_of,
    d.policy_version AS policy_version,
    d.evidence AS evidence,
    d.decision_id AS decision_id
FROM (SELECT * FROM decisions FINAL) AS d
LEFT JOIN decision_states AS s ON s.tenant = d.tenant AND s.decision_id = d.decision_id
LEFT JOIN (SELECT * FROM outcomes FINAL WHERE NOT startsWith(driver, 'alert-')) AS o ON o.tenant = d.tenant AND o.decision_id = d.decision_id;

-- Everything that ever happened to decisions, one row per step: decided, ruled on, carried out.
CREATE VIEW IF NOT EXISTS audit_trail AS
SELECT decided_at AS at, tenant, decision_id, 'decided' AS step, action AS what, 'mailweir' AS who, reason AS why
FROM decisions FINAL
UNION ALL
SELECT ruled_at AS at, tenant, decision_id, 'ruled' AS step, verb AS what, who, why
FROM rulings FINAL
UNION ALL
SELECT executed_at AS at, tenant, decision_id, 'carried out' AS step, status AS what, driver AS who, detail AS why
FROM outcomes FINAL;
