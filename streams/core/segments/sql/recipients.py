"""Leaves that ask how a recipient stands, as SQL: traits, dates, consent, suppression, age, share, last messages."""

from __future__ import annotations

from schemas.segments import leaves
from streams.core.segments.sql.conditions import fits, fits_nothing, text, values
from streams.core.segments.sql.draft import NOW, Draft
from streams.core.segments.sql.events import ORDER

REACTIONS = {
    "opened": ("email_opened",),
    "clicked": ("email_clicked",),
    "opened_any": ("email_opened", "email_opened_machine"),
    "clicked_any": ("email_clicked", "email_clicked_machine"),
    "complained": ("email_complained",),
    "unsubscribed": ("email_unsubscribed",),
}


def _sets(path: str, draft: Draft) -> str:
    return f"JSONHas(traits, {draft.value(path.partition('.')[0])})"


def _newest(path: str, draft: Draft) -> str:
    """The values of a trait, as it was set last."""
    return draft.column(f"argMaxIf({values('traits', path, draft)}, {ORDER}, {_sets(path, draft)})")


def trait(leaf: leaves.Trait, draft: Draft) -> str:
    """`trait`."""
    if leaf.for_at_least is None:
        return f"({fits(_newest(leaf.path, draft), leaf.is_, draft)})"
    is_fitting = fits(values("traits", leaf.path, draft), leaf.is_, draft)
    run = draft.column(f"arraySort(groupArrayIf((at, event_id, toUInt8({is_fitting})), {_sets(leaf.path, draft)}))")
    last_break = f"arrayLastIndex(e -> e.3 = 0, {run})"
    lasts = f"{run}[{last_break} + 1].1 <= {NOW} - {draft.value(leaf.for_at_least)}"
    if fits_nothing(leaf.is_):
        lasts = f"({last_break} = 0 OR {lasts})"
        return f"({last_break} < length({run}) OR empty({run})) AND {lasts}"
    return f"({last_break} < length({run}) AND {lasts})"


def date(leaf: leaves.Date, draft: Draft) -> str:
    """`date`."""
    ms = f"time_of({_newest(leaf.trait, draft)}[1])"
    if leaf.in_next is not None:
        test = f"{ms} > {NOW} AND {ms} <= {NOW} + {draft.value(leaf.in_next)}"
    elif leaf.in_last is not None:
        test = f"{ms} > {NOW} - {draft.value(leaf.in_last)} AND {ms} <= {NOW}"
    elif leaf.over is not None:
        test = f"{ms} <= {NOW} - {draft.value(leaf.over)}"
    else:
        test = f"{ms} > {NOW} + {draft.value(leaf.ahead or 0)}"
    return f"ifNull({test}, 0)"


def anniversary(leaf: leaves.Anniversary, draft: Draft) -> str:
    """`anniversary`."""
    newest = f"{_newest(leaf.trait, draft)}[1]"
    zone = draft.value(leaf.zone) if leaf.zone != "recipient" else _zone(draft)
    today = f"toDate32(formatDateTime(fromUnixTimestamp64Milli({NOW}, 'UTC'), '%F', {zone}))"
    days = f"{draft.value(leaf.days_before)}, {draft.value(leaf.days_after)}"
    return f"(isNotNull(time_of({newest})) AND is_around({today}, month_day({newest}), {days}))"


def _zone(draft: Draft) -> str:
    """The recipient's time zone, where the store knows it; only formatDateTime takes one that is a column (23.9)."""
    found = f"text_of({_newest('time_zone', draft)}[1])"
    return f"if({found} IN (SELECT time_zone FROM system.time_zones), {found}, 'UTC')"  # noqa: S608 - words of ours


def consent(leaf: leaves.Consent, draft: Draft) -> str:
    """`consent`: 1 is granted, 2 is denied."""
    purpose = draft.value(leaf.purpose)
    streams = f"if({purpose} = 'marketing', ['', {purpose}], [{purpose}])"
    by_mail = f"name IN ('email_subscribed', 'email_unsubscribed') AND has({streams}, {text('stream', draft)})"
    granted = f"{values('properties', 'granted', draft)}[1]"
    by_word = f"text_of({values('properties', 'purpose', draft)}[1]) = {purpose} AND {granted} IN ('true', 'false')"
    word = f"multiIf(name = 'email_subscribed', 1, name = 'email_unsubscribed', 2, {granted} = 'true', 1, 2)"
    newest = draft.column(f"argMaxIf({word}, {ORDER}, ({by_mail}) OR (name = 'privacy' AND {by_word}))")
    return f"{newest} = {('unknown', 'granted', 'denied').index(leaf.is_)}"


def suppressed(draft: Draft) -> str:
    """`suppressed`, 1 or 0: the newest of what suppresses and what ends it is the former."""
    final = (
        f"name = 'email_bounced' AND {text('bounce_permanence', draft)} = 'permanent'"
        f" AND {text('bounce_scope', draft)} IN ('address', 'domain')"
    )
    among = f"name IN ('email_subscribed', 'email_complained', 'email_unsubscribed') OR ({final})"
    return draft.column(f"argMaxIf(toUInt8(name != 'email_subscribed'), {ORDER}, {among})")


def known_for(length_ms: int, draft: Draft) -> str:
    """`known_for`."""
    return f"{draft.column('min(at)')} <= {NOW} - {draft.value(length_ms)}"


def bucket(leaf: leaves.Bucket, draft: Draft) -> str:
    """`bucket`: the first 52 of the hash's bits are 8 bytes, read big-endian, without the last 12."""
    digest = f"SHA256(concat({draft.value(leaf.salt)}, ':', recipient_key))"
    place = f"bitShiftRight(reinterpretAsUInt64(reverse(substring({digest}, 1, 8))), 12) / 4503599627370496"
    return f"({place} >= {draft.number(leaf.from_)} AND {place} < {draft.number(leaf.to)})"


def last_messages(leaf: leaves.LastMessages, draft: Draft) -> str:
    """`last_messages`: by the first delivery of each, the newest in front."""
    message = text("message_id", draft)
    meant = [f"name = 'email_delivered' AND {message} != ''"]
    if leaf.category is not None:
        category = draft.value(leaf.category)
        draft.properties.add("tags")
        tags = "arrayMap(r -> text_of(r), JSONExtractArrayRaw(properties, 'tags'))"
        meant.append(f"({text('stream', draft)} = {category} OR has({tags}, {category}))")
    if leaf.mature_after is not None:
        meant.append(f"at <= {NOW} - {draft.value(leaf.mature_after)}")
    delivered = draft.column(f"groupArrayIf((at, event_id, {message}), {' AND '.join(meant)})")
    ids = f"arrayMap(m -> m.3, arraySort({delivered}))"
    once = f"arrayFilter((m, n) -> n = 1, {ids}, arrayEnumerateUniq({ids}))"
    n = draft.value(leaf.n)
    last = f"arraySlice(arrayReverse({once}), 1, {n})"
    enough = f"notEmpty({last})" if leaf.fewer else f"length({last}) = {n}"
    return f"({enough} AND {_reacted(leaf, last, message, draft)})"


def _reacted(leaf: leaves.LastMessages, last: str, message: str, draft: Draft) -> str:
    names = draft.texts([name for reaction in leaf.none or leaf.any or leaf.all or () for name in REACTIONS[reaction]])
    ids = draft.column(f"groupUniqArrayIf({message}, has({names}, name))")
    if leaf.none:
        return f"NOT hasAny({last}, {ids})"
    return f"hasAny({last}, {ids})" if leaf.any else f"hasAll({ids}, {last})"
