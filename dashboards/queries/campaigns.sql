-- How does each campaign do: how much was delivered, refused, put off, opened, clicked, complained about?
-- unit: events
-- default campaign: ''
-- default limit: 50
-- By when it happened, largest first. Refusals are shares of everything settled (delivered or refused for good),
-- complaints and opens of delivered mail. `opened` and `clicked` are by people, or by who cannot be told.
SELECT
    tenant,
    key AS campaign_id,
    sum(p.sent) AS sent,
    sum(p.delivered) AS delivered,
    sum(p.bounced_address) + sum(p.bounced_block) + sum(p.bounced_content) + sum(p.bounced_other) AS bounced,
    sum(p.bounced_address) AS bounced_address,
    sum(p.bounced_block) AS bounced_block,
    sum(p.deferred) + sum(p.deferred_reputation) AS deferred,
    sum(p.opened) AS opened,
    sum(p.opened_machine) AS opened_machine,
    sum(p.clicked) AS clicked,
    sum(p.clicked_machine) AS clicked_machine,
    sum(p.complained) AS complained,
    sum(p.unsubscribed) AS unsubscribed,
    sum(p.suppressed) AS suppressed,
    sum(p.rejected) AS rejected,
    delivered / nullIf(delivered + bounced, 0) AS delivered_share,
    bounced / nullIf(delivered + bounced, 0) AS bounced_share,
    bounced_address / nullIf(delivered + bounced, 0) AS bounced_address_share,
    complained / nullIf(delivered, 0) AS complained_share,
    min(p.minute) AS first_at,
    max(p.minute) AS last_at
FROM mailweir.reputation_partials AS p FINAL
PREWHERE kind = 'campaign'
  AND minute >= toStartOfMinute(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
  AND minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
  AND ({campaign:String} = '' OR key = {campaign:String})
GROUP BY tenant, campaign_id
ORDER BY delivered + bounced DESC, tenant, campaign_id
LIMIT {limit:UInt32}
