-- The plain names analysts use. Each reads its table with FINAL, so a row that came twice counts once.

CREATE VIEW IF NOT EXISTS events AS
SELECT * FROM email_events FINAL;

CREATE VIEW IF NOT EXISTS bounces AS
SELECT
    occurred_at, tenant, source, provider, campaign_id, mailbox_provider, recipient_key, recipient_domain,
    sending_ip, sending_domain, smtp_code, enhanced_status, smtp_response, bounce_reason, bounce_scope,
    bounce_permanence, bounce_action, bounce_blocklist, bounce_rule, bounce_confidence, message_id, event_id
FROM email_events FINAL
WHERE event_type = 'bounced';

CREATE VIEW IF NOT EXISTS activities AS
SELECT * FROM activity_events FINAL;

CREATE VIEW IF NOT EXISTS partials AS
SELECT * FROM reputation_partials FINAL;

CREATE VIEW IF NOT EXISTS scores AS
SELECT * FROM reputation_scores FINAL;

CREATE VIEW IF NOT EXISTS scores_now AS
SELECT * FROM reputation_scores FINAL
ORDER BY version DESC, scored_at DESC
LIMIT 1 BY tenant, kind, key;

CREATE VIEW IF NOT EXISTS campaign_summary AS
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
    sum(p.other) AS other
FROM reputation_partials AS p FINAL
WHERE kind = 'campaign'
GROUP BY tenant, key;

CREATE VIEW IF NOT EXISTS decision_log AS
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
    d.first_signal_at AS first_signal_at,
    d.as_of AS as_of,
    d.policy_version AS policy_version,
    d.evidence AS evidence,
    d.decision_id AS decision_id
FROM (SELECT * FROM decisions FINAL) AS d
LEFT JOIN (SELECT * FROM outcomes FINAL) AS o ON o.tenant = d.tenant AND o.decision_id = d.decision_id;

CREATE VIEW IF NOT EXISTS failures AS
SELECT
    received_at, stage, code, reason, tenant, source, provider, origin_topic, origin_partition, origin_offset,
    item_index, length(original) AS original_bytes, dead_letter_id
FROM dead_letters FINAL;
