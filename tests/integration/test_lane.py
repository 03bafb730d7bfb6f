"""The lane under kill -9, pause and rebalance: counts stay exact on both brokers."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.aggregates import LaneMarker, ReputationPartial
from schemas.avro import Codec
from schemas.events import EmailEvent, EventType
from schemas.identity import digest
from streams.core.counting import METRICS
from streams.lane.changelog import MARKER_KEY
from streams.local.broker import Broker

PARTITIONS = 4
ROOT = Path(__file__).resolve().parents[2]
CODEC = Codec()
METRIC_OF = {
    EventType.DELIVERED: "delivered",
    EventType.OPENED: "opened",
    EventType.COMPLAINED: "complained",
    EventType.DEFERRED: "deferred",
}


def made_events(number: int, seed: int, run: str) -> list[tuple[int, str, EmailEvent]]:
    """(partition, metric, event) with every tenth sent twice, some time apart."""
    dice = random.Random(seed)
    now = time.time_ns() // 1_000_000
    events = []
    for index in range(number):
        kind = dice.choice(list(METRIC_OF))
        recipient = dice.randrange(5000)
        event = EmailEvent(
            event_id=digest(run, seed, index),
            tenant="acme",
            source="s",
            provider="sendgrid",
            event_type=kind,
            occurred_at=now - dice.randrange(600_000),
            received_at=now,
            recipient_key=str(recipient),
            campaign_id=f"c{dice.randrange(20)}",
            sending_ip=f"10.0.0.{dice.randrange(8)}",
            mailbox_provider=dice.choice(("gmail", "yahoo", "other")),
        )
        events.append((recipient % PARTITIONS, METRIC_OF[kind], event))
    for again in dice.sample(events, number // 10):
        events.insert(dice.randrange(len(events)), again)
    return events


@dataclass
class Truth:
    """Distinct events by (partition, kind, key, minute, metric)."""

    counts: Counter[tuple[int, str, str, int, str]] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)

    def add(self, partition: int, metric: str, event: EmailEvent) -> None:
        if event.event_id in self.seen:
            return
        self.seen.add(event.event_id)
        minute = event.occurred_at // 60_000 * 60_000
        for kind, key in (
            ("tenant", event.tenant),
            ("campaign", event.campaign_id),
            ("ip", event.sending_ip),
            ("ip_provider", f"{event.sending_ip}|{event.mailbox_provider}"),
        ):
            self.counts[partition, kind, key, minute, metric] += 1


class Rig:
    """Topics, a feeder and workers of one kill test."""

    def __init__(self, bootstrap: str, logs: Path, workers: int) -> None:
        self.bootstrap = bootstrap
        self.run = uuid.uuid4().hex[:8]
        self.topic, self.changelog = f"lane-{self.run}", f"lane-{self.run}-partials"
        admin = AdminClient({"bootstrap.servers": bootstrap})
        compact = {"cleanup.policy": "compact"}
        topics = [NewTopic(self.topic, PARTITIONS, 1), NewTopic(self.changelog, PARTITIONS, 1, config=compact)]
        for made in admin.create_topics(topics).values():
            made.result(30)
        self.truth = Truth()
        self.sent: Counter[int] = Counter()
        self.logs = (logs / f"{self.run}.log").open("ab")
        self.workers: list[subprocess.Popen[bytes] | None] = [None] * workers

    def ensure_workers(self, *extra: str) -> None:
        """Start what is not running, as a supervisor does."""
        for index, process in enumerate(self.workers):
            if process is None or process.poll() is not None:
                command = [sys.executable, "-m", "tests.lane_worker", self.bootstrap, self.topic, f"g-{self.run}"]
                self.workers[index] = subprocess.Popen(
                    [*command, self.changelog, *extra], cwd=ROOT, stdout=self.logs, stderr=self.logs
                )

    def kill(self, index: int) -> None:
        process = self.workers[index]
        assert process is not None
        process.kill()
        process.wait()

    def feed(self, events: list[tuple[int, str, EmailEvent]], seconds: float) -> None:
        """Send over about `seconds`, so that kills fall into catching up and into steady flow."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5})
        began = time.monotonic()
        for index, (partition, metric, event) in enumerate(events):
            producer.produce(self.topic, CODEC.encode(event), partition=partition)
            self.truth.add(partition, metric, event)
            self.sent[partition] += 1
            if index % 200 == 0:
                producer.poll(0)
                ahead = index / len(events) * seconds - (time.monotonic() - began)
                if ahead > 0:
                    time.sleep(min(ahead, 0.2))
        assert producer.flush(60) == 0

    def settle(self, deadline_s: float = 90) -> tuple[dict[Any, int], dict[int, int]]:
        """Counts and markers once the markers have reached the end of the input."""
        deadline = time.monotonic() + deadline_s
        reader = Changelog(self.bootstrap, self.changelog)
        while time.monotonic() < deadline:
            self.ensure_workers()
            reader.read()
            if all(reader.markers.get(p, 0) >= self.sent[p] for p in range(PARTITIONS)):
                break
        return reader.counts(), dict(reader.markers)

    def close(self) -> None:
        for process in self.workers:
            if process is not None:
                process.kill()
                process.wait()
        self.logs.close()


class Changelog:
    """The newest row of every key, as a plain last-record-wins reader has it."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": uuid.uuid4().hex,
                "enable.auto.commit": False,
                "isolation.level": "read_uncommitted",
            }
        )
        self.consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        self.rows: dict[tuple[int, bytes], ReputationPartial] = {}
        self.markers: dict[int, int] = {}

    def read(self) -> None:
        quiet = 0
        while quiet < 3:
            messages = self.consumer.consume(5000, 0.2)
            quiet = 0 if messages else quiet + 1
            for message in messages:
                assert message.error() is None, message.error()
                self._take(int(message.partition() or 0), message.key() or b"", message.value() or b"")

    def _take(self, partition: int, key: bytes, value: bytes) -> None:
        if key == MARKER_KEY:
            self.markers[partition] = CODEC.decode(value, LaneMarker).next_offset
        elif not key.startswith(b"\x00"):
            self.rows[partition, key] = CODEC.decode(value, ReputationPartial)

    def counts(self) -> dict[Any, int]:
        found: dict[Any, int] = {}
        for (partition, _), row in self.rows.items():
            for metric in METRICS:
                if getattr(row, metric):
                    found[partition, row.kind, row.key, row.minute, metric] = getattr(row, metric)
        return found


def differences(rig: Rig, found: dict[Any, int]) -> list[Any]:
    """Where the counts differ from the truth, for the kinds that the truth has."""
    kinds = {key[1] for key in rig.truth.counts}
    return [
        (key, rig.truth.counts[key], found.get(key, 0))
        for key in {*rig.truth.counts, *(k for k in found if k[1] in kinds)}
        if rig.truth.counts[key] != found.get(key, 0)
    ]


@pytest.fixture
def rig(broker: Broker, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(broker.bootstrap, tmp_path, workers=1)
    yield made
    made.close()


@pytest.fixture
def pair(broker: Broker, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(broker.bootstrap, tmp_path, workers=2)
    yield made
    made.close()


def test_counts_are_exact_after_kills_at_random_moments(rig: Rig) -> None:
    dice = random.Random(7)
    rig.ensure_workers()
    for round_ in range(3):
        feeder = threading.Thread(target=rig.feed, args=(made_events(4000, round_, rig.run), dice.choice((0, 3))))
        feeder.start()
        time.sleep(dice.uniform(0.2, 4))  # the moment of the kill, not a wait for anything
        rig.kill(0)
        rig.ensure_workers()
        feeder.join()
        found, markers = rig.settle()
        assert differences(rig, found) == []
        assert markers == dict(rig.sent)


def test_a_flush_torn_between_rows_and_marker_counts_nothing_twice(rig: Rig) -> None:
    rig.ensure_workers("torn")
    rig.feed(made_events(4000, 1, rig.run), 0)
    process = rig.workers[0]
    assert process is not None
    assert process.wait(60) == 9, "the worker should have died in its first large flush"
    found, markers = rig.settle()
    assert differences(rig, found) == []
    assert markers == dict(rig.sent)


def test_a_paused_owner_that_wakes_up_is_fenced_off(pair: Rig) -> None:
    pair.ensure_workers()
    feeder = threading.Thread(target=pair.feed, args=(made_events(6000, 3, pair.run), 12))
    feeder.start()
    time.sleep(5)  # into the flow, both workers own partitions
    zombie = pair.workers[0]
    assert zombie is not None
    zombie.send_signal(signal.SIGSTOP)
    time.sleep(9)  # past its session of 6 s: the other worker takes over
    zombie.send_signal(signal.SIGCONT)
    feeder.join()
    found, markers = pair.settle()
    assert differences(pair, found) == []
    assert markers == dict(pair.sent)
