"""The reference: what a rule means, by plain loops over all facts of a recipient.

What else gives an answer, such as the SQL, is compared with it, so it does nothing clever. Where
`schemas.segments.leaves` leaves a choice, this is the choice:

- Of facts with the same id the one known first counts, also when it lies in the future. Who has no fact at T yet fits
  no rule, not even a `not`.
- Of several values at a path the first is taken by `of`, `same`, `date`, `anniversary`, `purpose` and the like; an
  object has no equal.
- `unless`: the other event has another id. `sequence`: an event without a value at `same` is neither A nor B;
  `expire_after` means nothing to `then`.
- Messages are told apart by `message_id` (a text that is not empty); its first delivery of the category counts.
- Sums, means and so on count to a millionth, scores of engagement to a billionth, both halves up; numbers beyond 1e12
  are left out of an aggregate. `distinct` takes values as they are.
- Nobody is in a segment that there is not.
- A trait that was never set has no value, since ever. A value that does not fit is a break, be it for no time.
- Dates complement one another: `in_last` (T - D, T], `over` up to T - D; `in_next` (T, T + D], `ahead` after T + D.
"""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from schemas.segments import leaves
from schemas.segments.conditions import Amount
from schemas.segments.rules import NODES, Rule
from streams.core.segments.fact import Fact
from tests.unit.streams.core.segments import brute_values as values

MOST_NUMBER = 1e12  # in an aggregate
_REACTIONS = {
    "opened": ["email_opened"],
    "clicked": ["email_clicked"],
    "opened_any": ["email_opened", "email_opened_machine"],
    "clicked_any": ["email_clicked", "email_clicked_machine"],
    "complained": ["email_complained"],
    "unsubscribed": ["email_unsubscribed"],
}


class Seen(NamedTuple):
    """All that a rule may look at: the facts in order, and the instant."""

    recipient_key: str
    facts: Sequence[Fact]
    now: int
    segments: Mapping[str, Rule]


def holds(
    rule: Rule,
    recipient_key: str,
    facts: Sequence[Fact],
    now_ms: int,
    segments: Mapping[str, Rule] = {},
    known_ms: int | None = None,
) -> bool:
    """M(u, T, K): whether the rule holds for the recipient at `now_ms`, as known at `known_ms` (None: the same)."""
    seen = Seen(recipient_key, visible(facts, now_ms, now_ms if known_ms is None else known_ms), now_ms, segments)
    return bool(seen.facts) and is_true(rule, seen)


def visible(facts: Sequence[Fact], now_ms: int, known_ms: int) -> list[Fact]:
    """Each id once, as first known, and what has happened by now, by time and id."""
    first: dict[str, Fact] = {}
    for fact in sorted(facts, key=lambda fact: fact.known_at):
        if fact.known_at <= known_ms:
            first.setdefault(fact.event_id, fact)
    return sorted((fact for fact in first.values() if fact.at <= now_ms), key=lambda fact: (fact.at, fact.event_id))


def is_true(rule: Rule, seen: Seen) -> bool:
    """Whether a node holds."""
    kind = next(kind for kind, node in NODES.items() if type(rule) is node)
    field = {"not": "not_"}.get(kind, kind)
    return _MEANS[kind](getattr(rule, field), seen)


def _event(leaf: leaves.Done, seen: Seen) -> bool:
    return leaf.count.holds(len(_meant(leaf, seen)))


def _meant(leaf: leaves.Events, seen: Seen) -> list[Fact]:
    found = [fact for fact in seen.facts if _is_named(fact, leaf) and _is_within(fact, leaf, seen.now)]
    return [fact for fact in found if leaf.unless is None or not _is_taken_back(fact, leaf.unless, seen)]


def _is_named(fact: Fact, what: Any) -> bool:
    """By name and by what its properties are asked."""
    return fact.name in what.name and values.fits_where(fact.properties, what.where)


def _is_within(fact: Fact, window: leaves.Window, now: int) -> bool:
    since, before = window.since, window.before
    return (
        (window.within is None or now - window.within < fact.at <= now)
        and (window.between is None or now - window.between[0] < fact.at <= now - window.between[1])
        and (since is None or fact.at >= values.epoch_ms(since))
        and (before is None or fact.at < values.epoch_ms(before))
    )


def _is_taken_back(fact: Fact, unless: leaves.Unless, seen: Seen) -> bool:
    key = values.first_value(fact.properties, unless.same)
    others = [other for other in seen.facts if other.event_id != fact.event_id and _is_named(other, unless)]
    return key is not None and any(values.first_value(other.properties, unless.same) == key for other in others)


def _pick(place: int) -> Callable[[leaves.Pick, Seen], bool]:
    def is_fitting(leaf: leaves.Pick, seen: Seen) -> bool:
        found = [fact for fact in seen.facts if fact.name in leaf.name and _is_within(fact, leaf, seen.now)]
        return bool(found) and values.fits_where(found[place].properties, leaf.where)

    return is_fitting


def _aggregate(leaf: leaves.Aggregate, seen: Seen) -> bool:
    first = [values.first_value(fact.properties, leaf.of) for fact in _meant(leaf, seen)]
    if leaf.fn == "distinct":
        return leaf.is_.holds(len({value for value in first if value is not None}))
    numbers = [value[1] for value in first if value is not None and value[0] == "number"]
    millionths = [to_parts(number, 6) for number in numbers if abs(number) <= MOST_NUMBER]
    if leaf.fn == "sum":
        return is_amount(Fraction(sum(millionths)), leaf.is_, 6)
    if not millionths:
        return False
    mean = Fraction(sum(millionths), len(millionths))
    found = {"avg": mean, "min": Fraction(min(millionths)), "max": Fraction(max(millionths))}[leaf.fn]
    return is_amount(found, leaf.is_, 6)


def to_parts(number: float, digits: int) -> int:
    """In whole millionths (6) or billionths (9), halves up."""
    return math.floor(number * float(10**digits) + 0.5)


def is_amount(parts: Fraction, amount: Amount, digits: int) -> bool:
    """Are so many millionths within the bounds, which count to a millionth too?"""
    bounds = {name: Fraction(to_parts(bound, digits)) for name, bound in amount.asked.items()}
    checks = {"eq": operator.eq, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
    return all(checks[name](parts, bound) for name, bound in bounds.items())


def _regularly(leaf: leaves.Regularly, seen: Seen) -> bool:
    for period in range(leaf.periods):
        end = seen.now - period * leaf.every
        found = [fact for fact in seen.facts if _is_named(fact, leaf) and end - leaf.every < fact.at <= end]
        if not leaf.count.holds(len(found)):
            return False
    return True


def _sequence(leaf: leaves.Sequence, seen: Seen) -> bool:
    begins = [fact for fact in seen.facts if _is_named(fact, leaf.first) and _has_key(fact, leaf.same)]
    if leaf.then is not None:
        return any(_is_followed(fact, leaf.then, leaf, seen) for fact in begins)
    assert leaf.without is not None
    for fact in begins:
        over_at = fact.at + leaf.within
        is_current = leaf.expire_after is None or seen.now < over_at + leaf.expire_after
        if over_at <= seen.now and is_current and not _is_followed(fact, leaf.without, leaf, seen):
            return True
    return False


def _has_key(fact: Fact, same: str | None) -> bool:
    return same is None or values.first_value(fact.properties, same) is not None


def _is_followed(first: Fact, step: leaves.Step, leaf: leaves.Sequence, seen: Seen) -> bool:
    for fact in seen.facts:
        if _is_named(fact, step) and first.at < fact.at <= first.at + leaf.within:
            keys = [values.first_value(each.properties, leaf.same) for each in (first, fact) if leaf.same is not None]
            if not keys or (keys[0] is not None and keys[0] == keys[1]):
                return True
    return False


def _last_messages(leaf: leaves.LastMessages, seen: Seen) -> bool:
    messages: list[str] = []
    for fact in seen.facts:
        message = _text(fact, "message_id")
        is_mature = fact.at + (leaf.mature_after or 0) <= seen.now
        counts = fact.name == "email_delivered" and is_mature and _is_of(fact, leaf.category)
        if counts and message and message not in messages:
            messages.append(message)
    messages = messages[-leaf.n :]
    if not messages or (len(messages) < leaf.n and not leaf.fewer):
        return False
    asked = next(name for name in ("none", "any", "all") if getattr(leaf, name) is not None)
    names = [name for reaction in getattr(leaf, asked) for name in _REACTIONS[reaction]]
    reacted = {_text(fact, "message_id") for fact in seen.facts if fact.name in names}
    hits = [message in reacted for message in messages]
    return {"none": not any(hits), "any": any(hits), "all": all(hits)}[asked]


def _is_of(fact: Fact, category: str | None) -> bool:
    tags = fact.properties.get("tags")
    is_tagged = isinstance(tags, (list, tuple)) and category in tags
    return category is None or _text(fact, "stream") == category or is_tagged


def _text(fact: Fact, name: str) -> str:
    """A property of a mail that is a text, "" where it has none."""
    value = fact.properties.get(name)
    return value if isinstance(value, str) else ""


def _trait(leaf: leaves.Trait, seen: Seen) -> bool:
    if not values.fits(values.trait_values(seen.facts, leaf.path), leaf.is_):
        return False
    fits_since: float = -math.inf if values.fits([], leaf.is_) else math.inf
    for place, fact in enumerate(seen.facts):
        if leaf.path.partition(".")[0] in fact.traits:
            is_fitting = values.fits(values.trait_values(seen.facts[: place + 1], leaf.path), leaf.is_)
            fits_since = min(fits_since, fact.at) if is_fitting else math.inf
    return fits_since <= seen.now - (leaf.for_at_least or 0)


def _date(leaf: leaves.Date, seen: Seen) -> bool:
    found = values.trait_values(seen.facts, leaf.trait)
    if not found or (ms := values.time_of(found[0])) is None:
        return False
    if leaf.in_next is not None:
        return seen.now < ms <= seen.now + leaf.in_next
    if leaf.in_last is not None:
        return seen.now - leaf.in_last < ms <= seen.now
    if leaf.over is not None:
        return ms <= seen.now - leaf.over
    assert leaf.ahead is not None
    return ms > seen.now + leaf.ahead


def _anniversary(leaf: leaves.Anniversary, seen: Seen) -> bool:
    found = values.trait_values(seen.facts, leaf.trait)
    if not found or (day := values.date_of(found[0])) is None:
        return False
    today = datetime.fromtimestamp(seen.now / 1_000, ZoneInfo(_zone(leaf.zone, seen))).date()
    days = [_in_year(day, year) for year in (today.year - 1, today.year, today.year + 1)]
    before, after = timedelta(days=leaf.days_before), timedelta(days=leaf.days_after)
    return any(each - before <= today <= each + after for each in days)


def _in_year(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def _zone(zone: str, seen: Seen) -> str:
    if zone != "recipient":
        return zone
    found = values.trait_values(seen.facts, "time_zone")
    return found[0] if found and isinstance(found[0], str) and found[0] in _zones() else "UTC"


@cache  # reading them takes 10 ms
def _zones() -> set[str]:
    return available_timezones()


def _consent(leaf: leaves.Consent, seen: Seen) -> bool:
    word = "unknown"
    for fact in seen.facts:
        if fact.name in ("email_subscribed", "email_unsubscribed"):
            if (_text(fact, "stream") or "marketing") == leaf.purpose:
                word = {"email_subscribed": "granted", "email_unsubscribed": "denied"}[fact.name]
        elif fact.name == "privacy" and values.first_value(fact.properties, "purpose") == ("text", leaf.purpose):
            granted = values.first_value(fact.properties, "granted")
            word = {("truth", True): "granted", ("truth", False): "denied"}.get(granted or ("", False), word)
    return word == leaf.is_


def _suppressed(is_wanted: bool, seen: Seen) -> bool:
    is_suppressed = False
    for fact in seen.facts:
        if fact.name == "email_subscribed":
            is_suppressed = False
        elif fact.name in ("email_complained", "email_unsubscribed") or _is_final_bounce(fact):
            is_suppressed = True
    return is_suppressed == is_wanted


def _is_final_bounce(fact: Fact) -> bool:
    is_permanent = _text(fact, "bounce_permanence") == "permanent"
    return fact.name == "email_bounced" and is_permanent and _text(fact, "bounce_scope") in ("address", "domain")


def _bucket(leaf: leaves.Bucket, seen: Seen) -> bool:
    digest = hashlib.sha256(f"{leaf.salt}:{seen.recipient_key}".encode()).hexdigest()
    return leaf.from_ <= int(digest[:13], 16) / 2**52 < leaf.to


def _engagement(leaf: leaves.Engagement, seen: Seen) -> bool:
    score = math.fsum(
        leaf.weights[fact.name] * 2 ** (-(seen.now - fact.at) / leaf.half_life)
        for fact in seen.facts
        if fact.name in leaf.weights
    )
    return is_amount(Fraction(to_parts(score, 9)), leaf.is_, 9)


_MEANS: dict[str, Callable[[Any, Seen], bool]] = {
    "all": lambda rules, seen: all(is_true(rule, seen) for rule in rules),
    "any": lambda rules, seen: any(is_true(rule, seen) for rule in rules),
    "not": lambda rule, seen: not is_true(rule, seen),
    "event": _event,
    "first": _pick(0),
    "latest": _pick(-1),
    "aggregate": _aggregate,
    "regularly": _regularly,
    "sequence": _sequence,
    "last_messages": _last_messages,
    "trait": _trait,
    "date": _date,
    "anniversary": _anniversary,
    "consent": _consent,
    "suppressed": _suppressed,
    "known_for": lambda length, seen: seen.facts[0].at <= seen.now - length,
    "segment": lambda leaf, seen: leaf.in_ in seen.segments and is_true(seen.segments[leaf.in_], seen),
    "bucket": _bucket,
    "engagement": _engagement,
}
