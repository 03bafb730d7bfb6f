"""Made-up events whose true counts are known, quick enough to make that the lane is what is busy.

A few thousand templates are encoded once; an event is a template with an id of its own spliced in. The
truth is how many distinct ids each template was sent with. Written from the meaning of the event types,
not from the product's counting.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.avro import Codec
from schemas.events import EmailEvent, EventType
from schemas.identity import digest

PARTITIONS = 4
_TEMPLATES = 2_000
_REPEAT_AMONG = 30_000  # ids that a sender may repeat, also over kills and rounds
_ID = "x" * 32
_METRIC_OF = {
    EventType.DELIVERED: "delivered",
    EventType.OPENED: "opened",
    EventType.CLICKED: "clicked",
    EventType.COMPLAINED: "complained",
    EventType.DEFERRED: "deferred",
}

Total = tuple[int, str, str, str, int, str]
"""Partition, tenant, kind, key, minute, metric."""


class Record(NamedTuple):
    """One record to send."""

    partition: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Template:
    """An event without its id, and the totals it adds one to."""

    partition: int
    before: bytes
    after: bytes
    totals: tuple[Total, ...]


@dataclass
class Source:
    """Makes events, repeats every tenth, and knows what their counts must be."""

    dice: random.Random
    counts: Counter[Total] = field(default_factory=Counter)
    _codec: Codec = field(default_factory=Codec)
    _made: int = 0
    _run: str = field(default_factory=lambda: uuid.uuid4().hex)
    _recent: deque[Record] = field(default_factory=lambda: deque(maxlen=_REPEAT_AMONG))

    def events(self, number: int) -> Iterator[Record]:
        """`number` records of the present minutes, repeated ones among them."""
        templates = [self._template() for _ in range(_TEMPLATES)]
        uses: Counter[int] = Counter()
        for _ in range(number):
            if self._recent and self.dice.random() < 0.1:
                yield self.dice.choice(self._recent)
                continue
            chosen = self.dice.randrange(_TEMPLATES)
            template = templates[chosen]
            self._made += 1
            uses[chosen] += 1
            unique = digest(self._run, self._made).encode()
            record = Record(template.partition, template.before + unique + template.after)
            self._recent.append(record)
            yield record
        for chosen, times in uses.items():
            for total in templates[chosen].totals:
                self.counts[total] += times

    def _template(self) -> Template:
        dice, now = self.dice, time.time_ns() // 1_000_000
        kind, recipient = dice.choice(list(_METRIC_OF)), dice.randrange(5000)
        event = EmailEvent(
            event_id=_ID,
            tenant=f"t{dice.randrange(2)}",
            source="s",
            provider="sendgrid",
            event_type=kind,
            occurred_at=now - dice.randrange(600_000),
            received_at=now,
            recipient_key=str(recipient),
            campaign_id=f"c{dice.randrange(20)}",
            sending_ip=f"10.0.0.{dice.randrange(8)}",
            sending_domain=f"d{dice.randrange(4)}.example",
            mailbox_provider=dice.choice(("gmail", "yahoo", "other")),
        )
        before, after = self._codec.encode(event).split(_ID.encode())
        partition = recipient % PARTITIONS
        return Template(partition, before, after, tuple(_totals(event, partition)))


def _totals(event: EmailEvent, partition: int) -> Iterator[Total]:
    minute, metric = event.occurred_at // 60_000 * 60_000, _METRIC_OF[event.event_type]
    at = event.mailbox_provider
    for kind, key in (
        ("tenant", event.tenant),
        ("campaign", event.campaign_id),
        ("ip", event.sending_ip),
        ("domain", event.sending_domain),
        ("provider", at),
        ("campaign_provider", f"{event.campaign_id}|{at}"),
        ("ip_provider", f"{event.sending_ip}|{at}"),
        ("domain_provider", f"{event.sending_domain}|{at}"),
    ):
        yield partition, event.tenant, kind, key, minute, metric
