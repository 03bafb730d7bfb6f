"""A store with a campaign's mail in it, and the live way from the same events to decisions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.aggregates import Tick
from schemas.avro import Codec
from schemas.config import Config
from schemas.events import EmailEvent, EventType
from schemas.identity import digest
from schemas.policy import Policy, Recovery
from schemas.remediation import Decision, Mode
from schemas.topics import DECISIONS, REPUTATION_SLOTS, VERDICTS
from sinks.batches import Batch, Bounds, Entry, Partition
from sinks.loader import Loader
from sinks.tables import TABLES
from streams.core.partials import PartitionCounts
from streams.core.remediation.desk import Desk
from streams.core.remediation.desk_log import DeskLog
from streams.core.reputation.watching import WatchLog
from streams.lane.guard import apart

CODEC = Codec()
T0 = 1_793_527_200_000  # 2026-11-01 10:00 UTC
MINUTES = 14
UNTIL = T0 + 40 * 60_000  # beyond the next half hour, at which time is passed on
DEAD = {"event_type": EventType.BOUNCED, "bounce_reason": "invalid_recipient", "bounce_permanence": "permanent"}
ACT = Config(
    policies=[Policy(mode=Mode.ACT, version="7", recovery=Recovery(cool_down_min=3, canary_messages=50, step_min=1))]
)


def event(number: int, at: int, **fields: Any) -> EmailEvent:
    """Delivered, received at `at`."""
    plain: dict[str, Any] = {
        "event_id": digest(number), "tenant": "acme", "source": "esp", "provider": "p",
        "event_type": EventType.DELIVERED, "occurred_at": at - 400, "received_at": at, "message_id": f"m{number}",
        "recipient_key": f"r{number}", "mailbox_provider": ("gmail", "yahoo")[number % 2], "subject": "not read",
    }  # fmt: skip
    return EmailEvent(**{**plain, **fields})


def mail(seed: int = 1) -> list[EmailEvent]:
    """A good campaign, and one whose list is bad for 7 minutes, twenty messages every five seconds; by receipt."""
    dice = random.Random(seed)
    found = []
    for number in range(MINUTES * 60 * 4):
        at = T0 + dice.randrange(MINUTES * 12) * 5_000 + dice.randrange(900)  # bursts: fewer slots to judge
        campaign = ("spring", "winter")[number % 2]
        is_dead = campaign == "spring" and at < T0 + 7 * 60_000 and dice.random() < 0.25
        found.append(event(number, at, campaign_id=campaign, **(DEAD if is_dead else {})))
    return sorted(found, key=lambda item: (item.received_at, item.event_id))


def store_records(client: Client, records: Sequence[Any], batch: int = 1_000) -> None:
    """Insert as the sink does, in parts."""
    spec = next(spec for spec in TABLES if spec.record is type(records[0]))
    loader = Loader(client, CODEC)
    for first in range(0, len(records), batch):
        part = records[first : first + batch]
        entries = [Entry(first + place, 1, CODEC.encode(record)) for place, record in enumerate(part)]
        token = digest(*(entry.value.hex() for entry in entries[:1] if entry.value), first, random.randrange(10**9))
        made = Batch(Partition(spec.topic.name, 0), token, Bounds(first, first + len(part) - 1), entries)
        assert loader.load(spec, made, loader.sort(spec, made)) == []


def decided_live(
    events: Sequence[EmailEvent], partitions: int, seed: int, config: Config = ACT, until: int = UNTIL
) -> list[Decision]:
    """What the services decide: the events in their partitions, up to 1.5 s out of order, some of them twice."""
    dice = random.Random(seed)
    watch, desk = WatchLog(partitions, CODEC), DeskLog(Desk(config.policy), CODEC)
    watch.start(None)
    desk.start(None)
    said: list[bytes] = []
    for offset, block in enumerate(_blocks(events, partitions, dice, until)):
        watch.fold([block], [offset])
        said += [side.value for side in watch.cut(offset + 1).sides if side.topic == VERDICTS.name]
    found: list[Decision] = []
    for first in range(0, len(said), 70):
        part = said[first : first + 70]
        desk.fold(part, range(first, first + len(part)))
        cut = desk.cut(first + len(part))
        found += [CODEC.decode(side.value, Decision) for side in cut.sides if side.topic == DECISIONS.name]
    return found


def _blocks(events: Sequence[EmailEvent], partitions: int, dice: random.Random, until: int) -> list[bytes]:
    """What the partitions write of their counts, by time."""
    written: list[tuple[int, bytes]] = []
    twice = [*events, *dice.sample(list(events), 200)]
    for number in range(partitions):
        mine = [item for item in twice if int(item.event_id[:8], 16) % partitions == number]
        order = [(item.received_at + dice.randrange(1_500), CODEC.encode(item)) for item in mine]
        ends = (*range(T0, until, 1_000), until + 2_000, until + 2_001)
        order += [(at, CODEC.encode(Tick(at=at, writer="t"))) for at in ends]
        order.sort(key=lambda item: item[0])
        counts = PartitionCounts(number, CODEC, apart)
        counts.start(None)
        inner = sorted(dice.sample(range(1, len(order) - 1), 150))
        for begin, end in pairwise([0, *inner, len(order) - 1, len(order)]):
            counts.fold([value for _, value in order[begin:end]], range(begin, end))
            sides = counts.cut(end).sides
            written += [(order[end - 1][0], side.value) for side in sides if side.topic == REPUTATION_SLOTS.name]
    return [value for _, value in sorted(written, key=lambda item: item[0])]
