-- How do a campaign's variants do beside each other?
-- unit: recipients
-- default campaign: ''
-- default limit: 20
-- Distinct recipients; shares are of those to whom it was delivered. Mail whose sender names no variant is left out.
SELECT
    campaign_id,
    variant_id,
    uniqExactIf(tenant, recipient_key, event_type = 'delivered') AS delivered,
    uniqExactIf(tenant, recipient_key, event_type = 'bounced') AS bounced,
    uniqExactIf(tenant, recipient_key, event_type = 'opened' AND machine != 'machine') AS opened,
    uniqExactIf(tenant, recipient_key, event_type = 'clicked' AND machine != 'machine') AS clicked,
    uniqExactIf(tenant, recipient_key, event_type = 'unsubscribed') AS unsubscribed,
    uniqExactIf(tenant, recipient_key, event_type = 'complained') AS complained,
    opened / nullIf(delivered, 0) AS opened_share,
    clicked / nullIf(delivered, 0) AS clicked_share,
    complained / nullIf(delivered, 0) AS complained_share
FROM mailweir.email_events FINAL
PREWHERE occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND variant_id != ''
GROUP BY campaign_id, variant_id
ORDER BY campaign_id, delivered DESC, variant_id
LIMIT {limit:UInt32}
