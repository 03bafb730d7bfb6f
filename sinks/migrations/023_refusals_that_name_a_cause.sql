-- Of the refusals of a sender: how many named a blocklist, and how many of the rest were for want of authentication.
-- They are parts of bounced_block + deferred_reputation and belong into no sum of events. Rows of before say 0.
ALTER TABLE reputation_partials
    ADD COLUMN IF NOT EXISTS refused_listed Int64 DEFAULT 0 AFTER other,
    ADD COLUMN IF NOT EXISTS refused_auth Int64 DEFAULT 0 AFTER refused_listed;
ALTER TABLE reputation_scores
    ADD COLUMN IF NOT EXISTS refused_listed Int64 DEFAULT 0 AFTER other,
    ADD COLUMN IF NOT EXISTS refused_auth Int64 DEFAULT 0 AFTER refused_listed;
ALTER TABLE verdicts
    ADD COLUMN IF NOT EXISTS refused_listed Int64 DEFAULT 0 AFTER other,
    ADD COLUMN IF NOT EXISTS refused_auth Int64 DEFAULT 0 AFTER refused_listed;

CREATE OR REPLACE VIEW partials AS
SELECT * FROM reputation_partials FINAL;

CREATE OR REPLACE VIEW scores AS
SELECT * FROM reputation_scores FINAL;

CREATE OR REPLACE VIEW scores_now AS
SELECT * FROM reputation_scores FINAL
ORDER BY version DESC, scored_at DESC
LIMIT 1 BY tenant, kind, key;

CREATE OR REPLACE VIEW verdict_log AS
SELECT * FROM verdicts FINAL;

CREATE OR REPLACE VIEW campaign_summary AS
SELECT
    tenant,
    key AS campaign_id,
    min(minute) AS first_minute,
    max(minute) AS last_minute,
    sum(p.sent) AS sent,
    sum(p.delivered) AS delivered,
    sum(p.deferred) AS deferred,
    sum(p.deferred_reputation) AS deferred_reputation,
    sum(p.bounced_address) AS bounced_address,
    sum(p.bounced_block) AS bounced_block,
    sum(p.bounced_content) AS bounced_content,
    sum(p.bounced_other) AS bounced_other,
    sum(p.suppressed) AS suppressed,
    sum(p.rejected) AS rejected,
    sum(p.opened) AS opened,
    sum(p.opened_machine) AS opened_machine,
    sum(p.clicked) AS clicked,
    sum(p.clicked_machine) AS clicked_machine,
    sum(p.complained) AS complained,
    sum(p.unsubscribed) AS unsubscribed,
    sum(p.other) AS other,
    sum(p.refused_listed) AS refused_listed,
    sum(p.refused_auth) AS refused_auth
FROM reputation_partials AS p FINAL
WHERE kind = 'campaign'
GROUP BY tenant, key;
