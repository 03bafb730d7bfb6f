-- Which campaigns are there, since when, and how did each go?
-- unit: campaigns
-- default campaign: ''
-- default prefix: ''
-- default limit: 50
-- default after_ms: 4102444800000
-- default after_tenant: ''
-- default after_campaign: ''
-- Newest first by their first event in the span; `after_ms`, `after_tenant` and `after_campaign` are those of the
-- last one of the page before. Times are read without FINAL: a row that is there twice moves neither. Counts are
-- those of the reputation service since ever, zero where it has not run.
WITH there AS (
    SELECT tenant, campaign_id, min(occurred_at) AS first_at, max(occurred_at) AS last_at
    FROM mailweir.email_events
    WHERE campaign_id != ''
      AND ({campaign:String} = '' OR campaign_id = {campaign:String})
      AND startsWith(campaign_id, {prefix:String})
      AND ({tenant:String} = '' OR tenant = {tenant:String})
      AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    GROUP BY tenant, campaign_id
    HAVING (-toUnixTimestamp64Milli(first_at), tenant, campaign_id)
         > (-{after_ms:Int64}, {after_tenant:String}, {after_campaign:String})
    ORDER BY first_at DESC, tenant, campaign_id
    LIMIT {limit:UInt32}
)
SELECT
    tenant,
    campaign_id,
    first_at,
    last_at,
    counted.delivered AS delivered,
    counted.deferred AS deferred,
    counted.bounced AS bounced,
    counted.complained AS complained,
    counted.unsubscribed AS unsubscribed,
    scored.level AS level,
    scored.score AS score
FROM there
LEFT JOIN (
    SELECT
        tenant,
        key AS campaign_id,
        sum(p.delivered) AS delivered,
        sum(p.deferred + p.deferred_reputation) AS deferred,
        sum(p.bounced_address + p.bounced_block + p.bounced_content + p.bounced_other) AS bounced,
        sum(p.complained) AS complained,
        sum(p.unsubscribed) AS unsubscribed
    FROM mailweir.reputation_partials AS p FINAL
    WHERE kind = 'campaign' AND (tenant, key) IN (SELECT tenant, campaign_id FROM there)
    GROUP BY tenant, key
) AS counted USING (tenant, campaign_id)
LEFT JOIN (
    SELECT tenant, key AS campaign_id, argMax(s.level, s.version) AS level, toNullable(argMax(s.score, s.version)) AS score
    FROM mailweir.reputation_scores AS s
    WHERE kind = 'campaign' AND (tenant, key) IN (SELECT tenant, campaign_id FROM there)
    GROUP BY tenant, key
) AS scored USING (tenant, campaign_id)
ORDER BY first_at DESC, tenant, campaign_id
