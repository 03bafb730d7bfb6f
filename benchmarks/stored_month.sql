-- A month of mail made by the store itself (benchmarks/stored_month.py): statements that end with a semicolon, in their
-- order. Names in braces are filled in. The first is run in parts, the second once a day.

INSERT INTO email_events
    (event_id, tenant, source, provider, event_type, occurred_at, received_at, recipient_key, mailbox_provider, message_id,
     campaign_id, variant_id, sending_ip, ip_pool, sending_domain, smtp_response, bounce_reason, bounce_scope,
     bounce_permanence, bounce_action, url, machine, raw_topic, raw_offset, inserted_at)
WITH
    intDiv(number, 100) * 100 + if(number % 100 = 99, 98, number % 100) AS n,
    cityHash64(n) AS h,
    n * {campaigns} DIV {events} AS c,
    h % 1000 AS draw,
    multiIf(draw < 250, 'sent', draw < 700, 'delivered', draw < 740, 'deferred', draw < 765, 'bounced', draw < 910, 'opened',
        draw < 950, 'clicked', draw < 953, 'complained', draw < 960, 'unsubscribed', 'opened') AS kind,
    fromUnixTimestamp64Milli(
        {begin} + intDiv(c, {a_day}) * {day_ms} + (c % {a_day}) * 28800000
        + toInt64(28800000 * pow((h % 99991) / 99991, 2)), 'UTC'
    ) AS at
SELECT
    lower(hex(MD5(toString(n)))), concat('tenant-', toString(c % {a_day})), 'esp', 'sendgrid', kind, at,
    addMilliseconds(at, 700 + number % 300), lower(hex(MD5(toString(intDiv(h, 7) % 2000000)))),
    ['gmail', 'gmail', 'gmail', 'microsoft', 'microsoft', 'yahoo', 'apple', 'gmx', 'orange', 'other'][intDiv(h, 11) % 10 + 1],
    concat('m', toString(h)), concat('campaign-', toString(c)), concat('v', toString(intDiv(h, 13) % 3)),
    concat('192.0.2.', toString(intDiv(h, 17) % 32)), concat('pool-', toString(intDiv(h, 17) % 4)),
    concat('mail', toString(c % 8), '.example'),
    multiIf(kind = 'bounced', concat('550 5.1.1 <a', toString(h % 977), '@x.example> no such user'),
        kind = 'deferred', concat('451 4.7.0 try again later ', toString(h % 9999991)), ''),
    multiIf(kind = 'bounced', ['invalid_recipient', 'blocked_ip', 'mailbox_full'][h % 3 + 1], kind = 'deferred', 'rate_limited', ''),
    multiIf(kind = 'bounced', ['address', 'ip', 'address'][h % 3 + 1], kind = 'deferred', 'ip', ''),
    multiIf(kind = 'bounced', 'permanent', kind = 'deferred', 'transient', ''), if(kind = 'bounced', 'suppress', ''),
    if(kind = 'clicked', concat('https://shop.example/', toString(h % 40), '?r=', toString(h)), ''),
    multiIf(kind NOT IN ('opened', 'clicked'), '', draw % 3 = 0, 'machine', 'human'), 'mailweir.webhooks.v1', number,
    addMilliseconds(at, 1400)
FROM numbers({first}, {count});

INSERT INTO reputation_partials
    (tenant, kind, key, source, minute, partition, applied_offset, watermark, sent, delivered, deferred, deferred_reputation,
     bounced_address, bounced_block, bounced_other, opened, opened_machine, clicked, clicked_machine, complained, unsubscribed)
SELECT
    tenant, pair.1 AS kind, pair.2 AS key, 'esp', toStartOfMinute(occurred_at) AS minute, cityHash64(recipient_key) % 4, 1,
    max(occurred_at), countIf(event_type = 'sent'), countIf(event_type = 'delivered'), 0, countIf(event_type = 'deferred'),
    countIf(event_type = 'bounced' AND bounce_reason = 'invalid_recipient'),
    countIf(event_type = 'bounced' AND bounce_reason = 'blocked_ip'),
    countIf(event_type = 'bounced' AND bounce_reason = 'mailbox_full'),
    countIf(event_type = 'opened' AND machine = 'human'), countIf(event_type = 'opened' AND machine = 'machine'),
    countIf(event_type = 'clicked' AND machine = 'human'), countIf(event_type = 'clicked' AND machine = 'machine'),
    countIf(event_type = 'complained'), countIf(event_type = 'unsubscribed')
FROM (SELECT * FROM email_events FINAL WHERE occurred_at >= fromUnixTimestamp64Milli({since}, 'UTC') AND occurred_at < fromUnixTimestamp64Milli({until}, 'UTC'))
ARRAY JOIN [
    ('tenant', tenant), ('campaign', campaign_id), ('ip', sending_ip), ('ip_pool', ip_pool), ('domain', sending_domain),
    ('provider', mailbox_provider), ('campaign_provider', concat(campaign_id, '|', mailbox_provider)),
    ('ip_provider', concat(sending_ip, '|', mailbox_provider)),
    ('domain_provider', concat(sending_domain, '|', mailbox_provider))
] AS pair
GROUP BY tenant, kind, key, minute, cityHash64(recipient_key) % 4;

INSERT INTO reputation_scores
    (tenant, kind, key, as_of, version, score, score_low, score_high, level, scored_at, sent, delivered, penalties,
     oldest_new_received_at, newest_received_at)
SELECT
    tenant, kind, key, addMinutes(minute, 1), toUnixTimestamp(minute), 97 - cityHash64(key) % 60, 90 - cityHash64(key) % 60, 99,
    'healthy', addMinutes(minute, 1), 1000, 900,
    [('list_quality', 2., 0.02, 0.04, 20., 1000., '20 of 1000 attempts failed'), ('complaints', 1., 0.001, 0.003, 1., 900., '1 of 900')],
    addSeconds(minute, 59), minute
FROM (SELECT DISTINCT tenant, kind, key, minute FROM reputation_partials);

INSERT INTO decisions
    (decision_id, tenant, kind, key, action, mode, level, previous_level, reason, evidence, campaign_id, sources, as_of,
     first_signal_at, decided_at)
SELECT
    lower(hex(MD5(concat('d', toString(number))))), concat('tenant-', toString(number % 3)), 'campaign',
    concat('campaign-', toString(number % 90)), ['throttle', 'pause_campaign', 'resume_campaign'][number % 3 + 1], 'act', 'paused',
    'watch', '25 of 188 attempts failed because the address does not exist', repeat('x', 2000),
    concat('campaign-', toString(number % 90)), ['esp'], at, subtractSeconds(at, 40), at
FROM (SELECT number, fromUnixTimestamp64Milli({begin} + toInt64(number) * {span_ms} DIV 1000, 'UTC') AS at FROM numbers(1000));

INSERT INTO outcomes
    (outcome_id, decision_id, tenant, kind, key, action, source, driver, status, attempt, http_status, detail, executed_at)
SELECT lower(hex(MD5(decision_id))), decision_id, tenant, kind, key, action, 'esp', 'sendgrid', 'done', 1, 200, 'done',
    addSeconds(decided_at, 1)
FROM decisions;

INSERT INTO verdicts (tenant, kind, key, at, event_at, began_at, level, exposed, sent, delivered, complained)
SELECT concat('tenant-', toString(number % 3)), 'campaign', concat('campaign-', toString(intDiv(number, 200))), at, at, at, 'watch',
    number % 1000 / 2, 1000, number % 1000, 1
FROM (SELECT number, fromUnixTimestamp64Milli({begin} + toInt64(number) * {span_ms} DIV 18000, 'UTC') AS at FROM numbers(18000));

INSERT INTO dead_letters
    (dead_letter_id, stage, code, reason, tenant, source, provider, received_at, origin_topic, origin_offset, original)
SELECT lower(hex(MD5(concat('l', toString(number))))), 'normalise', ['not_json', 'bad_field'][number % 2 + 1], 'the body is no JSON',
    concat('tenant-', toString(number % 3)), 'esp', 'sendgrid',
    fromUnixTimestamp64Milli({begin} + toInt64(number) * {span_ms} DIV {letters}, 'UTC'), 'mailweir.webhooks.v1', number, repeat('x', 500)
FROM numbers({letters});

INSERT INTO sink_batches (topic, topic_id, partition, first_offset, last_offset, records, writer, written_at)
SELECT concat('mailweir.', ['email-events', 'reputation-partials', 'reputation-scores'][number % 3 + 1], '.v1'), 'id', number % 4,
    number * 1000, number * 1000 + 999, 1000, 'sink-1',
    fromUnixTimestamp64Milli({end} - 1209600000 + toInt64(number) * 1209600000 DIV {batches}, 'UTC')
FROM numbers({batches});

INSERT INTO segment_transitions
    (transition_id, tenant, recipient_key, segment_id, rule_version, is_member, detected_at, effective_at, cause, number)
SELECT lower(hex(MD5(concat('t', toString(number))))), concat('tenant-', toString(number % 3)),
    lower(hex(MD5(toString(intDiv(number, 2) % 2000000)))), concat('segment-', toString(intDiv(number, 2) % 7)), 'v1', number % 2 = 0,
    at, at, '', number % 2 + 1
FROM (SELECT number, fromUnixTimestamp64Milli({begin} + toInt64(number) * {span_ms} DIV {transitions}, 'UTC') AS at FROM numbers({transitions}));

INSERT INTO journey_steps (step_id, tenant, recipient_key, journey_id, version, run_id, number, kind, outcome, place, at)
SELECT lower(hex(MD5(concat('s', toString(number))))), 'tenant-0', lower(hex(MD5(toString(intDiv(number, 4))))),
    concat('journey-', toString(intDiv(number, 4) % 3)), 'v1', lower(hex(MD5(concat('r', toString(intDiv(number, 4)))))), number % 4 + 1,
    ['entered', 'waited', 'called', 'left'][number % 4 + 1], if(number % 4 = 3, 'done', ''), toString(number % 4),
    fromUnixTimestamp64Milli({begin} + toInt64(number) * {span_ms} DIV {transitions}, 'UTC')
FROM numbers({transitions});

INSERT INTO segment_statuses (tenant, segment_id, rule_version, status, since)
SELECT concat('tenant-', toString(number % 3)), concat('segment-', toString(number % 7)), 'v1', 'live', fromUnixTimestamp64Milli({begin}, 'UTC')
FROM numbers(21);
