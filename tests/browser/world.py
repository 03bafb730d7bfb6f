"""The store that the browser tests look at: mail, scores, decisions, dead letters, segments, all of it made and fixed.

`NOW` is the hour of every console over it, so a page shows the same figures today and in a year.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from dashboards.segments.rules import RuleFiles
from schemas.announcements import SegmentStatus
from schemas.config import Config
from schemas.config_file import load_config
from schemas.errors import FailureCode
from schemas.events import ActivityEvent
from schemas.failures import DeadLetter, Stage
from schemas.identity import digest, recipient_key
from schemas.segments.canonical import rule_version
from schemas.segments.configured import configured_segments, configured_stamp
from schemas.segments.rules import Segment
from schemas.transitions import SegmentTransition
from sinks.migrate import apply_tables
from tests.browser.decided import made_decisions
from tests.browser.mail import NOW, Mail, made_mail, store_mail
from tests.browser.scores import made_partials, made_scores, newest
from tests.integration.backtest_cases import store_records
from tests.integration.store_process import StoreProcess

HOUR, DAY = 3_600_000, 86_400_000
ADA = "ada@example.test"
CONFIG = """
segments: segments
tenants:
  - {name: acme, recipient_secret: a-secret}
  - name: nord
"""
RULES = {
    "acme.yaml": """
tenant: acme
segments:
  - id: buyers-30d
    description: Bought in the last 30 days
    event: {name: order_completed, within: 30d}
  - id: buyers-fresh
    description: Bought in the last week
    all: [{segment: buyers-30d}, {event: {name: order_completed, within: 7d}}]
""",
    "nord.yaml": """
id: readers
tenant: nord
description: Opened the page in the last two weeks
event: {name: page, within: 14d}
""",
}
SIZES = {"buyers-30d": 420, "buyers-fresh": 140, "readers": 260}
LETTERS = (
    (Stage.NORMALISE, FailureCode.NOT_JSON, "the body is no JSON: unexpected character at byte 0", b"<html>\n"),
    (Stage.NORMALISE, FailureCode.ITEM_UNREADABLE, "the item has no event id", b'[{"event": "open"}]'),
    (Stage.SINK, FailureCode.STORE_REFUSED, "occurred_at: the year 20260 cannot be stored", b"{}"),
)


@dataclass(frozen=True)
class World:
    """A filled store, the files of segments, and the mail that the figures come from."""

    store: StoreProcess
    home: Path
    mail: Mail

    @property
    def config(self) -> Config:
        """What `mailweir.yaml` says."""
        return load_config(self.home / "mailweir.yaml", {})

    def rules(self) -> RuleFiles:
        """The segments of its folder."""
        config, file = self.config, self.home / "mailweir.yaml"
        return RuleFiles(lambda: _segments(config, file), lambda: configured_stamp(config, file), lambda: NOW)


@contextmanager
def made_world(home: Path, per_s: float = 11) -> Iterator[World]:
    """All of it, in a store that ends with the context. `per_s`: messages a second; more make smoother lines."""
    (home / "segments").mkdir()
    (home / "mailweir.yaml").write_text(CONFIG)
    for name, text in RULES.items():
        (home / "segments" / name).write_text(text)
    world = World(StoreProcess(home / "store"), home, made_mail(per_s))
    client = world.store.start()
    try:
        apply_tables(client)
        _fill(client, world)
        client.close()
        yield world
    finally:
        world.store.stop()


def store_all(client: Client, records: list[Any]) -> None:
    """Insert as the sink does, each kind of record into its table."""
    for kind in {type(record) for record in records}:
        store_records(client, [record for record in records if type(record) is kind])


def _fill(client: Client, world: World) -> None:
    store_mail(client, world.mail)
    scores = made_scores(world.mail)
    segments = _segments(world.config, world.home / "mailweir.yaml")
    store_all(client, [*scores, *made_partials(world.mail), *made_decisions(newest(scores, "winter-clearance"))])
    store_all(client, [*_letters(), *_orders(), *_memberships(segments)])
    batch = {"topic": "mailweir.email-events.v1", "partition": 0, "records": 412, "written_at": _when(NOW - 900)}
    client.insert("sink_batches", [list(batch.values())], column_names=list(batch), database="mailweir")


def _segments(config: Config, file: Path) -> list[Segment]:
    return [each for segments in configured_segments(config, file).values() for each in segments]


def _when(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _letters() -> Iterator[DeadLetter]:
    for number in range(11):
        stage, code, reason, original = LETTERS[number * number % 3 if number else 2]
        yield DeadLetter(
            dead_letter_id=digest("letter", number), stage=stage, code=code, reason=reason, tenant="acme",
            source="acme-sendgrid", provider="sendgrid", received_at=NOW - 60_000 - number * 340_000,
            origin_topic="mailweir.webhooks.v1", origin_partition=number % 3, origin_offset=4_000 + 17 * number,
            item_index=-1, original=original,
        )  # fmt: skip


def _orders() -> Iterator[ActivityEvent]:
    """Ada's three orders, and forty people's, one a day further back."""
    ada = recipient_key("a-secret", "acme", ADA)
    for number, (who, days) in enumerate([(ada, 3), (ada, 20), (ada, 60), *((f"r{n:02}", n) for n in range(1, 41))]):
        at = NOW - days * DAY
        yield ActivityEvent(
            event_id=f"{number:032x}", tenant="acme", source="shop", provider="shopify", activity="track",
            name="Order Completed", occurred_at=at, received_at=at, recipient_key=who,
        )  # fmt: skip


def _memberships(segments: list[Segment]) -> Iterator[SegmentTransition | SegmentStatus]:
    dice = random.Random(5)
    for segment in segments:
        version, began = rule_version(segment), NOW - 21 * DAY
        yield SegmentStatus(
            tenant=segment.tenant, segment_id=segment.id, rule_version=version, status="live", since=began
        )
        for number in range(SIZES[segment.id]):
            entered = began + int(21 * DAY * dice.random() ** 0.9)
            left = entered + int(dice.expovariate(1 / (40 * DAY)))
            for is_member, at in ((1, entered), (0, left)):
                if at < NOW - 1_000:
                    yield SegmentTransition(
                        transition_id=digest(segment.id, number, is_member), tenant=segment.tenant,
                        recipient_key=digest(segment.id, number), segment_id=segment.id, rule_version=version,
                        is_member=is_member, detected_at=at, effective_at=at, number=2 - is_member,
                        cause=digest("order", number) if is_member else "",
                    )  # fmt: skip
