"""Both event topics, the segments workers, and all that the log has come to hold: for tests that disturb them."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.aggregates import LaneMarker, Tick
from schemas.avro import Codec
from schemas.events import ActivityEvent, EmailEvent, EventType
from schemas.identity import partition_key
from schemas.journeys.steps import JourneyStep
from schemas.topics import (
    ACTIVITY_EVENTS,
    EMAIL_EVENTS,
    JOURNEY_STEPS,
    RECIPIENT_EVENTS,
    SEGMENT_STATES,
    SEGMENT_TRANSITIONS,
    Topic,
)
from schemas.transitions import SegmentTransition
from streams.agents.segment_state import SegmentState
from streams.core.segments.row import timer_of
from streams.lane.changelog import MARKER_KEY
from streams.lane.disk import DiskRows
from streams.lane.rocks import Memory
from streams.local import processes
from streams.topics import BACK_SOON, apply_topics
from tests.segment_stand_in import DAY

PARTITIONS = 2
RECIPIENTS = 300
START = 1_774_569_600_000
ROOT = Path(__file__).resolve().parents[1]
CODEC = Codec()
RULES = """
tenant: acme
segments:
  - id: recent-buyers
    event: {name: [order_completed, poison], within: 30d}
"""
JOURNEYS = """
tenant: acme
journeys:
  - id: mailed
    enter: {event: {name: email_delivered}, again: after_exit}
    exit_when:
      - if: {event: {name: order_completed, within: 1d, count: {gte: 2}}}
    steps:
      - wait_until:
          event: {name: order_completed}
          for_at_most: 2d
          then:
            - wait: 12h
            - branch: {if: {segment: recent-buyers}, then: [{wait: 1d}], else: [exit]}
      - split: {salt: s, parts: [{share: 0.5, steps: [{wait: 3d}]}, {share: 0.5}]}
  - id: gone-cold
    enter: {segment: recent-buyers, on: exit, again: after_exit}
    exit_when:
      - if: {segment: recent-buyers}
    steps:
      - wait: 5d
"""
_CONFIG = "tenants: [{name: acme}]\nsegments: rules.yaml\njourneys: journeys.yaml\nsegment_history: false\n"


class Flow:
    """`close` it. One thread reads and tends the workers; `feed` may run in another."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap, self.folder = bootstrap, folder
        apply_topics(bootstrap, PARTITIONS, 1, timeout_s=20)
        (folder / "mailweir.yaml").write_text(_CONFIG)
        (folder / "rules.yaml").write_text(RULES)
        (folder / "journeys.yaml").write_text(JOURNEYS)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.logs: list[Path] = []
        self.clock = START
        self.sent: list[set[bytes]] = [set() for _ in range(PARTITIONS)]
        self.relayed: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self.said: list[bytes] = []
        self.steps: list[bytes] = []
        self.marked = [0] * PARTITIONS
        self._numbers = itertools.count()
        common: dict[str, Any] = {"bootstrap.servers": bootstrap, "log_level": 2, **BACK_SOON}
        self._producer = Producer({**common, "linger.ms": 5, "partitioner": "murmur2_random"})
        self._reader = Consumer(
            {
                **common, "group.id": "test", "auto.offset.reset": "earliest",
                "isolation.level": "read_committed", "fetch.wait.max.ms": 20,
            }
        )  # fmt: skip
        read = (RECIPIENT_EVENTS, SEGMENT_STATES, SEGMENT_TRANSITIONS, JOURNEY_STEPS)
        self._reader.assign([TopicPartition(topic.name, n, 0) for topic in read for n in range(PARTITIONS)])

    # -- what goes in --------------------------------------------------------------------------------------------

    def feed(
        self, records: int, dice: Random, recipients: int = RECIPIENTS, pace_ms: int = 4 * 3_600_000, over_s: float = 0
    ) -> None:
        """Orders and mails, a tenth late, and ticks; the clock goes on by half the pace a record.

        `over_s`: how long it takes at least.
        """
        began = time.monotonic()
        for place in range(records):
            time.sleep(max(0.0, began + over_s * place / records - time.monotonic()))
            number, self.clock = next(self._numbers), self.clock + dice.randrange(pace_ms)
            at = self.clock - (dice.randrange(3 * DAY) if dice.random() < 0.1 else 0)
            who = {"recipient_key": f"{dice.randrange(recipients):032x}", "tenant": "acme"}
            known: dict[str, Any] = {"event_id": f"{number:032x}", "occurred_at": at, "received_at": self.clock, **who}
            key = partition_key("acme", who["recipient_key"])
            if dice.random() < 0.3:
                mail = EmailEvent(source="esp", provider="ses", event_type=EventType.DELIVERED, **known)
                self._send(EMAIL_EVENTS, mail, key)
            else:
                act: dict[str, Any] = {
                    "source": "shop",
                    "provider": "segment",
                    "activity": "track",
                    "name": "Order Completed",
                }
                self._send(ACTIVITY_EVENTS, ActivityEvent(**act, **known), key)
            if number % 20 == 0:
                self.tick(self.clock)
        assert self._producer.flush(60) == 0

    def tick(self, at: int) -> None:
        """Time passes on all partitions."""
        self.clock = max(self.clock, at)
        for topic, partition in itertools.product((EMAIL_EVENTS, ACTIVITY_EVENTS), range(PARTITIONS)):
            self._send(topic, Tick(at=at, writer=topic.name), None, partition)
        self._producer.flush(60)

    def _send(self, topic: Topic, record: Any, key: bytes | None, partition: int = -1) -> None:
        value = CODEC.encode(record)
        self._producer.produce(
            topic.name, value, key, partition,
            on_delivery=lambda _, message: self.sent[message.partition() or 0].add(value),
        )  # fmt: skip
        self._producer.poll(0)

    # -- the workers ---------------------------------------------------------------------------------------------

    def want(self, number: int) -> None:
        """So many workers: those that ended are started again."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < number:
            self.logs.append(self.folder / f"worker-{len(self.logs)}.log")
            env = {
                "PYTHONPATH": str(ROOT), "MAILWEIR_KAFKA": self.bootstrap, "MAILWEIR_SESSION_TIMEOUT_MS": "6000",
                "MAILWEIR_DATA": str(self.folder / "data"), "MAILWEIR_CONFIG": str(self.folder / "mailweir.yaml"),
            }  # fmt: skip
            argv = [sys.executable, "-m", "streams", "segments"]
            self.workers.append(processes.spawn(argv, log=self.logs[-1], env={**os.environ, **env}))

    def begin(self) -> None:
        """A worker, until its rules are in the log: whatever is fed from now on comes after them."""
        self.wait(lambda: all(self.relayed), workers=1)

    def leave(self) -> None:
        """The worker that is there longest leaves in an orderly way."""
        assert processes.stop(self.workers.pop(0), timeout_s=40), "a worker did not end on SIGTERM"

    def wait(self, until: Callable[[], bool], *, workers: int, deadline_s: float = 120) -> None:
        """Read the topics until something is so, keeping so many workers alive."""
        deadline = time.monotonic() + deadline_s
        while not until():
            if time.monotonic() > deadline:
                told = processes.last_lines(self.logs[-1]) if self.logs else ""
                lengths = [len(records) for records in self.relayed]
                said = f"marked {self.marked} of {lengths}, said {len(self.said)} after {deadline_s} s\n{told}"
                raise AssertionError(said)
            self.want(workers)
            for message in self._reader.consume(500, 0.05):
                self._take(message)

    def _take(self, message: Any) -> None:
        if message.error() is not None:
            return
        if message.topic() == RECIPIENT_EVENTS.name:
            self.relayed[message.partition()].append(message.value())
        elif message.topic() == SEGMENT_TRANSITIONS.name:
            self.said.append(message.value())
        elif message.topic() == JOURNEY_STEPS.name:
            self.steps.append(message.value())
        elif message.key() == MARKER_KEY:
            self.marked[message.partition()] = CODEC.decode(message.value(), LaneMarker).next_offset

    @property
    def is_done(self) -> bool:
        """Everything sent is in the one log, and everything there is vouched for."""
        return all(
            marked == len(relayed) and sent <= set(relayed)
            for marked, relayed, sent in zip(self.marked, self.relayed, self.sent, strict=True)
        )

    # -- what must come of it ------------------------------------------------------------------------------------

    def truth(self) -> tuple[dict[str, list[bytes]], dict[str, list[bytes]]]:
        """By recipient, the transitions and steps that one pass over the log says, with nothing in its way."""
        said: dict[str, list[bytes]] = {SEGMENT_TRANSITIONS.name: [], JOURNEY_STEPS.name: []}
        for number, log in enumerate(self.relayed):
            rows = DiskRows(self.folder / f"truth-{time.monotonic_ns()}", Memory(), lambda: 0, order=timer_of)
            state = SegmentState(number, rows, CODEC)
            rows.begin("truth")
            state.start(None)
            state.fold(log, range(len(log)))
            while state.fire(10_000):
                pass
            for side in state.cut(len(log)).sides:
                said[side.topic].append(side.value)
            rows.close()
        return of_each(said[SEGMENT_TRANSITIONS.name]), of_each(said[JOURNEY_STEPS.name], JourneyStep)

    def check(self, *, is_each_once: bool, steps_at_least: int = 100) -> None:
        """The topics hold the truth."""
        transitions, steps = self.truth()
        wanted = {value for values in transitions.values() for value in values}
        walked = {value for values in steps.values() for value in values}
        assert len(wanted) > 100
        assert len(walked) >= steps_at_least
        self.wait(lambda: wanted <= set(self.said) and walked <= set(self.steps), workers=1, deadline_s=60)
        said, stepped = of_each(self.said), of_each(self.steps, JourneyStep)
        if not is_each_once:
            said = {who: list(dict.fromkeys(values)) for who, values in said.items()}
            stepped = {who: list(dict.fromkeys(values)) for who, values in stepped.items()}
        assert said == transitions
        assert stepped == steps

    def close(self) -> None:
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)
            processes.kill(worker)
        self._reader.close()


def of_each(said: list[bytes], record: type[Any] = SegmentTransition) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = defaultdict(list)
    for value in said:
        found[CODEC.decode(value, record).recipient_key].append(value)
    return dict(found)
