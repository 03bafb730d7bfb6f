"""Reputation in the world of the browser tests: every key's counts as the mail has them, and how its score ran."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from schemas.aggregates import KeyKind, Level, Penalty, ReputationPartial, ReputationScore, Signal
from tests.browser.mail import CAMPAIGNS, NOW, PAUSED_AT, PROVIDERS, SPAN_S, Mail, counted_as

STEP_MS = 30_000
# the score at the end; all but the bad campaign's barely move
ENDS = {
    "spring-lookbook": 95.0, "weekend-reading": 92.0, "order-updates": 99.0, "winter-clearance": 41.0,
    "morning-briefing": 97.0, "198.51.100.21": 95.0, "198.51.100.22": 94.0, "198.51.100.23": 99.0,
    "198.51.100.24": 71.0, "203.0.113.8": 97.0, "news.acme.example": 82.0, "orders.acme.example": 99.0,
    "mail.nord.example": 97.0, "acme": 86.0, "nord": 97.0, "gmail": 90.0, "microsoft": 93.0, "yahoo": 91.0,
    "icloud": 95.0, "gmx": 94.0, "other": 89.0,
}  # fmt: skip
LEVELS = {"winter-clearance": Level.PAUSED, "198.51.100.24": Level.WATCH, "news.acme.example": Level.WATCH}
BAD_REASON = "{bad:,} of {all:,} attempts failed because the address does not exist ({rate:.1%}; 4.0% is the limit)"


def keys() -> Iterator[tuple[KeyKind, str, str]]:
    """(kind, key, tenant) of everything that is scored."""
    for campaign, (tenant, _, ips, domain) in CAMPAIGNS.items():
        yield KeyKind.CAMPAIGN, campaign, tenant
        yield from ((KeyKind.IP, ip, tenant) for ip in ips)
        yield KeyKind.DOMAIN, domain, tenant
        yield KeyKind.TENANT, tenant, tenant
    yield from ((KeyKind.PROVIDER, provider, "acme") for provider in PROVIDERS)


def made_scores(mail: Mail, seed: int = 11) -> list[ReputationScore]:
    """A score of each key every half minute, the newest a second before `NOW`."""
    dice, found = random.Random(seed), []
    for kind, key, tenant in sorted(set(keys())):
        counted = mail.counted(kind, key)
        for number, ago in enumerate(range(SPAN_S * 1000 - STEP_MS, -1, -STEP_MS)):
            at = NOW - ago - 1_000
            value = _value(key, at) + dice.uniform(-0.9, 0.4)
            found.append(_score(kind, key, tenant, at, min(99.6, value), counted, number))
    return found


def made_partials(mail: Mail) -> list[ReputationPartial]:
    """Counts of each campaign at each mailbox provider, minute by minute of event time."""
    found: dict[tuple[str, str, int], ReputationPartial] = {}
    for row in mail.rows:
        key, minute = f"{row['campaign_id']}|{row['mailbox_provider']}", row["occurred_at"] // 60_000 * 60_000
        partial = found.setdefault(
            (row["tenant"], key, minute),
            ReputationPartial(
                tenant=row["tenant"], kind=KeyKind.CAMPAIGN_PROVIDER, key=key, source=row["source"], minute=minute,
                partition=0, applied_offset=len(mail.rows), watermark=NOW,
            ),
        )  # fmt: skip
        name = counted_as(row)
        setattr(partial, name, getattr(partial, name) + 1)
    return list(found.values())


def newest(scores: list[ReputationScore], key: str) -> ReputationScore:
    """The key's last score."""
    return max((score for score in scores if score.key == key), key=lambda score: score.version)


def _value(key: str, at: int) -> float:
    """The bad campaign, and what it is sent by, fall between the bad list's first bounces and the pause."""
    end = ENDS[key]
    if key not in {*LEVELS, "acme"}:
        return end
    fallen = min(1.0, max(0.0, 1 - (PAUSED_AT + 20_000 - at) / 100_000))
    return 96.0 + (end - 96.0) * fallen


def _score(
    kind: KeyKind, key: str, tenant: str, at: int, value: float, counted: Counter[str], number: int
) -> ReputationScore:
    is_fallen = key in LEVELS and at >= PAUSED_AT
    width = 4 + 0.3 * (100 - value)
    names = ("sent", "delivered", "deferred", "bounced_address", "bounced_block", "complained", "unsubscribed")
    more: dict[str, Any] = {name: counted[name] for name in names}
    bad = _penalties(counted, 100 - value) if is_fallen or value < 96 else []
    return ReputationScore(
        tenant=tenant, kind=kind, key=key, as_of=at, window_start=at - 3_600_000, version=(at // 1000 << 32) + number,
        score=value, score_low=max(0.0, value - width), score_high=min(100.0, value + 0.6 * width),
        level=LEVELS[key] if is_fallen else Level.HEALTHY, scored_at=at, oldest_new_received_at=at - 720 - 9 * number,
        newest_received_at=at - 300, penalties=bad, signals=[_signal(counted, is_fallen)], trend=-0.4,
        advice="Send to this list only who has confirmed the address." if key == "winter-clearance" and bad else "",
        **more,
    )  # fmt: skip


def _penalties(counted: Counter[str], missing: float) -> list[Penalty]:
    """What is `missing` of 100, by cause."""
    has_complaints = counted["complained"] > 0
    tried = counted["delivered"] + counted["bounced_address"] + counted["bounced_block"]
    rate = counted["bounced_address"] / max(1, tried)
    found = [
        Penalty(
            name="unknown_users", points=missing * (0.9 if has_complaints else 1.0), rate=rate, limit=0.04,
            numerator=counted["bounced_address"], denominator=tried,
            reason=BAD_REASON.format(bad=counted["bounced_address"], all=tried, rate=rate),
        )
    ]  # fmt: skip
    if has_complaints:
        share = counted["complained"] / max(1, counted["delivered"])
        found.append(
            Penalty(
                name="complaints", points=missing * 0.1, rate=share, limit=0.001,
                numerator=counted["complained"], denominator=counted["delivered"],
                reason=f"{counted['complained']:,} of {counted['delivered']:,} messages were reported as spam",
            )
        )  # fmt: skip
    return found


def _signal(counted: Counter[str], is_fallen: bool) -> Signal:
    level = Level.PAUSED if is_fallen else Level.HEALTHY
    tried = counted["delivered"] + counted["bounced_address"]
    return Signal(
        detector="bounce_cusum", statistic=13.4 if is_fallen else 0.8, warn=7.0, throttle=9.0, pause=12.0, level=level,
        numerator=counted["bounced_address"], denominator=tried,
        explanation=f"{counted['bounced_address']} of {tried}, where 4% were tolerable",
    )  # fmt: skip
