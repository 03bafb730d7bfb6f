"""A quarter of an hour of mail, made by dice that always fall alike: what the overview of the browser tests is about.

Four campaigns of one tenant and one of another are sent to six mailbox providers; seven minutes before the end
`winter-clearance` goes out to a bought list, and is paused a minute and a half later.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from clickhouse_connect.driver.client import Client

NOW = 1_793_701_805_000  # 2026-11-03T10:30:05Z
SPAN_S = 900
BAD_FROM, PAUSED_AT = NOW - 420_000, NOW - 325_000

COLUMNS = (
    "event_id", "tenant", "source", "provider", "event_type", "occurred_at", "received_at", "inserted_at",
    "mailbox_provider", "campaign_id", "sending_ip", "sending_domain", "bounce_reason", "bounce_scope",
    "bounce_permanence", "enhanced_status", "smtp_response", "machine",
)  # fmt: skip
# campaign: tenant, how much of all mail, IPs, sending domain
CAMPAIGNS = {
    "spring-lookbook": ("acme", 30, ("198.51.100.21", "198.51.100.22"), "news.acme.example"),
    "weekend-reading": ("acme", 24, ("198.51.100.22", "198.51.100.24"), "news.acme.example"),
    "order-updates": ("acme", 18, ("198.51.100.23",), "orders.acme.example"),
    "winter-clearance": ("acme", 34, ("198.51.100.24",), "news.acme.example"),
    "morning-briefing": ("nord", 12, ("203.0.113.8",), "mail.nord.example"),
}
PROVIDERS = {"gmail": 44, "microsoft": 20, "yahoo": 13, "icloud": 9, "gmx": 6, "other": 8}
NO_USER = ("invalid_recipient", "address", "permanent", "5.1.1")
BOUNCES = (
    ((*NO_USER, "550 5.1.1 <ann@example.org> no such user here"), 60),
    (("mailbox_full", "address", "transient", "4.2.2", "452 4.2.2 the mailbox is over its quota"), 20),
    (("spam_content", "content", "permanent", "5.7.1", "550 5.7.1 message looks like spam"), 12),
    (("blocked_ip", "ip", "permanent", "5.7.1", "554 5.7.1 the sending address is on a blocklist"), 8),
)
DEFERRALS = (
    (("rate_limited", "provider", "transient", "4.7.0", "421 4.7.0 too many connections, try again later"), 65),
    (("greylisted", "provider", "transient", "4.2.0", "450 4.2.0 greylisted, please retry in 300 s"), 35),
)
PLAIN = ("", "", "", "", "")
Row = dict[str, Any]
Choice = TypeVar("Choice")


@dataclass
class Mail:
    """The rows, and how many events of each type each key has: {(kind, key): {event_type: n}}."""

    rows: list[Row] = field(default_factory=list)
    counts: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def of_type(self, event_type: str) -> int:
        """How many rows are of that type."""
        return sum(row["event_type"] == event_type for row in self.rows)

    def counted(self, kind: str, key: str) -> Counter[str]:
        """Events of one key by type; refusals of addresses and of the sender apart."""
        return self.counts.get((kind, key), Counter())


def made_mail(per_s: float = 11, seed: int = 7) -> Mail:
    """All events received in the `SPAN_S` seconds before `NOW`, of so many messages a second."""
    dice, mail = random.Random(seed), Mail()
    for second in range(-SPAN_S - 300, 0):
        rate = per_s * (1 + 0.2 * math.sin(second / 90) + dice.uniform(-0.12, 0.12))
        for _ in range(round(rate)):
            for row in _message(dice, NOW + second * 1000 + dice.randrange(1000)):
                if NOW - SPAN_S * 1000 <= row["received_at"] < NOW:
                    _add(mail, row)
    return mail


def store_mail(client: Client, mail: Mail) -> None:
    """As the sink would have stored it, each row a second after its receipt."""
    times = {"occurred_at", "received_at", "inserted_at"}
    rows = [[_at(row[name]) if name in times else row[name] for name in COLUMNS] for row in mail.rows]
    client.insert("email_events", rows, column_names=COLUMNS, database="mailweir")


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _message(dice: random.Random, at: int) -> Iterator[Row]:
    campaign = _one(dice, {name: weight for name, (_, weight, *_) in CAMPAIGNS.items()})
    is_bad = campaign == "winter-clearance"
    if is_bad and not BAD_FROM <= at < PAUSED_AT:
        return
    of = campaign, _one(dice, PROVIDERS)
    yield _row(dice, of, "sent", at)
    if dice.random() < 0.045:
        at += 20_000
        yield _row(dice, of, "deferred", at - 19_000, dict(DEFERRALS))
    if dice.random() < (0.16 if is_bad else 0.012):
        yield _row(dice, of, "bounced", at + dice.randrange(400, 3_000), dict(BOUNCES[:1] if is_bad else BOUNCES))
        return
    at += dice.randrange(300, 2_500)
    yield _row(dice, of, "delivered", at)
    yield from _reactions(dice, of, at, 0.02 if is_bad else 0.0008)


def _reactions(dice: random.Random, of: tuple[str, str], at: int, complaints: float) -> Iterator[Row]:
    if dice.random() < 0.27:
        yield _row(dice, of, "opened", at + int(dice.expovariate(1 / 60_000)))
    if dice.random() < 0.045:
        yield _row(dice, of, "clicked", at + 5_000 + int(dice.expovariate(1 / 60_000)))
    if dice.random() < complaints:
        yield _row(dice, of, "complained", at + 9_000 + int(dice.expovariate(1 / 40_000)))
    if dice.random() < 0.0015:
        yield _row(dice, of, "unsubscribed", at + 9_000 + int(dice.expovariate(1 / 60_000)))


def _row(
    dice: random.Random,
    of: tuple[str, str],
    event_type: str,
    at: int,
    replies: dict[tuple[str, ...], int] | None = None,
) -> Row:
    campaign, provider = of
    tenant, _, ips, domain = CAMPAIGNS[campaign]
    refusal = _one(dice, replies) if replies else PLAIN
    received = at + dice.randrange(120, 600)
    is_reaction = event_type in {"opened", "clicked"}
    who = ("human" if dice.random() < 0.8 else "machine") if is_reaction else ""
    values = (
        f"{dice.getrandbits(128):032x}", tenant, f"{tenant}-sendgrid", "sendgrid", event_type, at, received,
        received + dice.randrange(500, 1_500), provider, campaign, dice.choice(ips), domain, *refusal, who,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _one(dice: random.Random, weights: Mapping[Choice, int]) -> Choice:
    return dice.choices(list(weights), list(weights.values()))[0]


def counted_as(row: Row) -> str:
    """What the event counts as for reputation: a refusal of the address, or of what was sent."""
    if row["event_type"] != "bounced":
        return str(row["event_type"])
    return "bounced_address" if row["enhanced_status"] == "5.1.1" else "bounced_block"


def _add(mail: Mail, row: Row) -> None:
    mail.rows.append(row)
    name = counted_as(row)
    keys = {
        "campaign": row["campaign_id"], "ip": row["sending_ip"], "domain": row["sending_domain"],
        "provider": row["mailbox_provider"], "tenant": row["tenant"],
    }  # fmt: skip
    for kind, key in keys.items():
        mail.counts.setdefault((kind, key), Counter())[name] += 1
