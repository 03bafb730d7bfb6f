-- One row per recipient with what their own doing says, by what was known at `at`. It is asked as
--     SELECT * FROM recipient_profiles(tenant = 'acme', at = now64(3)) WHERE recipient_key = '...'
-- What software did is left out, as in segments. `engagement` is the score of the node of that name with its defaults: an
-- open counts 1, a click 3, half of it after 30 days. `last_...` are about the last ten messages delivered, each by its
-- first delivery. `hours` are the three hours of the week (UTC, Monday is 1) with the largest shares of opens and clicks of
-- 90 days, ten of everybody's added to their own, which are `reactions` in number. `consent` has the newest word on each purpose, `traits` the newest value
-- of each as JSON.
CREATE VIEW IF NOT EXISTS recipient_profiles AS
WITH (
    SELECT arrayMap(s -> countEqual(groupArray(slot), s) / greatest(count(), 1), range(168))
    FROM
    (
        SELECT toUInt16((toDayOfWeek(occurred_at) - 1) * 24 + toHour(occurred_at)) AS slot
        FROM email_events FINAL
        WHERE tenant = {tenant:String} AND recipient_key != ''
            AND event_type IN ('opened', 'clicked') AND machine != 'machine'
            AND received_at <= {at:DateTime64(3, 'UTC')} AND occurred_at <= {at:DateTime64(3, 'UTC')}
            AND occurred_at > {at:DateTime64(3, 'UTC')} - INTERVAL 90 DAY
    )
) AS everybody
SELECT
    tenant,
    recipient_key,
    first_seen_at,
    last_seen_at,
    mailbox_provider,
    floor(score * 1e9 + 0.5) / 1e9 AS engagement,
    length(last_messages) AS last_delivered,
    arrayCount(m -> has(opened, m), last_messages) AS last_opened,
    arrayCount(m -> has(clicked, m), last_messages) AS last_clicked,
    arrayMap(
        e -> (toUInt8(intDiv(-e.2, 24) + 1), toUInt8(-e.2 % 24), e.1),
        arraySlice(
            arrayReverseSort(
                arrayFilter(
                    e -> e.1 > 0,
                    arrayMap(
                        s -> ((countEqual(slots, s) + 10 * everybody[s + 1]) / (length(slots) + 10), -toInt16(s)),
                        range(168)
                    )
                )
            ),
            1,
            3
        )
    )::Array(Tuple(weekday UInt8, hour UInt8, share Float64)) AS hours,
    length(slots) AS reactions,
    mapFromArrays(
        arrayFilter((p, n) -> n = 1, words.3, arrayEnumerateUniq(words.3)),
        arrayFilter((w, n) -> n = 1, words.4, arrayEnumerateUniq(words.3))
    ) AS consent,
    mapFilter(
        (k, v) -> v != 'null',
        mapFromArrays(
            arrayFilter((k, n) -> n = 1, settings.4, arrayEnumerateUniq(settings.4)),
            arrayFilter((v, n) -> n = 1, settings.5, arrayEnumerateUniq(settings.4))
        )
    ) AS traits
FROM
(
    SELECT
        tenant,
        recipient_key,
        min(at) AS first_seen_at,
        max(at) AS last_seen_at,
        argMaxIf(provider, (at, event_id), provider != '') AS mailbox_provider,
        sumIf(
            if(kind = 'opened', 1., 3.)
            * exp2(dateDiff('millisecond', at, {at:DateTime64(3, 'UTC')}) / -2592000000.),
            kind IN ('opened', 'clicked')
        ) AS score,
        arraySort(groupArrayIf((at, event_id, message_id), kind = 'delivered' AND message_id != '')).3 AS deliveries,
        arrayFilter((m, n) -> n = 1, deliveries, arrayEnumerateUniq(deliveries)) AS messages,
        arraySlice(messages, -10) AS last_messages,
        groupUniqArrayIf(message_id, kind = 'opened') AS opened,
        groupUniqArrayIf(message_id, kind = 'clicked') AS clicked,
        groupArrayIf(
            toUInt16((toDayOfWeek(at) - 1) * 24 + toHour(at)),
            kind IN ('opened', 'clicked') AND at > {at:DateTime64(3, 'UTC')} - INTERVAL 90 DAY
        ) AS slots,
        arrayReverseSort(groupArrayIf((at, event_id, purpose, word), purpose != '')) AS words,
        arrayReverseSort(
            groupArrayArray(
                arrayMap(
                    (pair, n) -> (at, event_id, -toInt32(n), pair.1, pair.2),
                    JSONExtractKeysAndValuesRaw(set_traits),
                    arrayEnumerate(JSONExtractKeysAndValuesRaw(set_traits))
                )
            )
        ) AS settings
    FROM
    (
        SELECT
            tenant,
            recipient_key,
            event_id,
            occurred_at AS at,
            if(machine = 'machine', '', event_type) AS kind,
            message_id,
            mailbox_provider AS provider,
            if(kind IN ('subscribed', 'unsubscribed'), if(stream = '', 'marketing', stream), '') AS purpose,
            if(kind = 'subscribed', 'granted', 'denied') AS word,
            '' AS set_traits
        FROM email_events FINAL
        WHERE tenant = {tenant:String} AND recipient_key != ''
            AND received_at <= {at:DateTime64(3, 'UTC')} AND occurred_at <= {at:DateTime64(3, 'UTC')}
        UNION ALL
        SELECT
            tenant,
            recipient_key,
            event_id,
            occurred_at AS at,
            '' AS kind,
            '' AS message_id,
            '' AS provider,
            if(
                (activity = 'privacy' OR (activity = 'track' AND match(lowerUTF8(name), '^[^a-z0-9]*privacy[^a-z0-9]*$')))
                AND JSONExtractRaw(properties, 'granted') IN ('true', 'false'),
                JSONExtractString(properties, 'purpose'),
                ''
            ) AS purpose,
            if(JSONExtractRaw(properties, 'granted') = 'true', 'granted', 'denied') AS word,
            traits AS set_traits
        FROM activity_events FINAL
        WHERE tenant = {tenant:String} AND recipient_key != ''
            AND received_at <= {at:DateTime64(3, 'UTC')} AND occurred_at <= {at:DateTime64(3, 'UTC')}
    )
    GROUP BY tenant, recipient_key
);
