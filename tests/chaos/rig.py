"""One topic under load, its workers, its truth: what every round works on.

A rig lives through ten rounds, so old keys stay hot and what a round broke would show in all later ones.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.topics import BACK_SOON
from tests.chaos.events import PARTITIONS, Record, Source, Total
from tests.chaos.slots import Slots
from tests.chaos.totals import Changelog
from tests.chaos.workers import Workers

_COMPACTED = {
    "cleanup.policy": "compact",
    "segment.ms": "10000",  # the cleaner leaves the newest segment alone
    "min.cleanable.dirty.ratio": "0.01",
}


class Log(Protocol):
    """A broker under test."""

    @property
    def name(self) -> str: ...

    @property
    def bootstrap(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a round found. `wrong`: (total, truth, found), a few of them; `behind`: what never reached the end."""

    wrong: list[tuple[Total, int, int]]
    wrong_totals: int
    behind: list[str]

    @property
    def is_exact(self) -> bool:
        return not self.wrong_totals and not self.behind


class Feed(threading.Thread):
    """Sends records: `burst` of them at once, the rest spread over `seconds`."""

    def __init__(self, producer: Producer, topic: str, records: list[Record], burst: int, seconds: float) -> None:
        super().__init__(name="feed", daemon=True)
        self._producer, self._topic, self._records = producer, topic, records
        self._burst, self._seconds = burst, seconds
        self.ends: dict[int, int] = {}
        self.failures: list[str] = []

    def run(self) -> None:
        steady, began = max(len(self._records) - self._burst, 1), time.monotonic()
        for index, record in enumerate(self._records):
            self._send(record)
            if index % 200 == 0:
                self._producer.poll(0)
                ahead = began + max(index - self._burst, 0) / steady * self._seconds - time.monotonic()
                if ahead > 0:
                    time.sleep(min(ahead, 0.2))
        left = self._producer.flush(120)
        if left:
            self.failures.append(f"{left} records were not acknowledged")

    def _send(self, record: Record) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic, record.value, partition=record.partition, on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failures.append(error.str())
            return
        partition = int(message.partition() or 0)
        self.ends[partition] = max(self.ends.get(partition, 0), int(message.offset() or 0) + 1)


class Rig:
    """Topics, a feed, workers and the truth. `close` it."""

    def __init__(self, broker: Log, folder: Path, seed: int) -> None:
        self.broker, self.folder = broker, folder
        folder.mkdir(parents=True, exist_ok=True)
        run = uuid.uuid4().hex[:8]
        self.topic, self.changelog, self.group = f"chaos-{run}", f"chaos-{run}-partials", f"g-{run}"
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        compacted = NewTopic(self.changelog, PARTITIONS, 1, config=_COMPACTED)
        for made in admin.create_topics([NewTopic(self.topic, PARTITIONS, 1), compacted]).values():
            made.result(30)
        self.source = Source(random.Random(seed))
        self.ends: Counter[int] = Counter()
        self.reader = Changelog(broker.bootstrap, self.changelog)
        self.slots = Slots(broker.bootstrap)
        self.workers = Workers([broker.bootstrap, self.topic, self.group, self.changelog], folder)
        self._producer = Producer(
            {
                "bootstrap.servers": broker.bootstrap,
                "acks": "all",  # not idempotent: a record stored twice is one more repetition, and such a
                "enable.idempotence": False,  # producer never stops over a sequence that the broker forgot
                "linger.ms": 5,
                "compression.type": "lz4",
                **BACK_SOON,
                "log_level": 2,
            }
        )

    def feed(self, records: int, burst: int, seconds: float) -> Feed:
        """Start to send new events."""
        made = Feed(self._producer, self.topic, list(self.source.events(records)), burst, seconds)
        made.start()
        return made

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Read and tend the workers for so long, or until something is so."""
        deadline = time.monotonic() + seconds
        while not (is_so := until()) and time.monotonic() < deadline:
            self.workers.tend()
            self.reader.read(min(0.1, max(deadline - time.monotonic(), 0)))
        return is_so

    def settle(self, feed: Feed, deadline_s: float) -> Verdict:
        """Wait until markers and committed positions are at the end of the input, then compare."""
        self.wait(deadline_s, lambda: not feed.is_alive())
        for partition, end in feed.ends.items():
            self.ends[partition] = max(self.ends[partition], end)
        behind = list(feed.failures)
        if not self._is_marked_within(deadline_s):
            behind.append(f"markers {dict(self.reader.markers)} of {dict(self.ends)}")
        elif not self.wait(
            deadline_s, self._all_committed
        ):  # whoever marked the end may be dead, and joins take their time
            behind.append(f"committed {self._committed()} of {dict(self.ends)}")
        wrong = differences(self.source.counts, self.reader.counts())
        if not wrong and not behind:
            behind = self._slots_behind(deadline_s)
            wrong = [] if behind else differences(self.source.counts, self.slots.counts(self.reader.markers))
        return Verdict(wrong[:50], len(wrong), behind)

    def _is_marked_within(self, deadline_s: float) -> bool:
        """Half way there it reads everything again: a reader that a broker's end silenced is not what is tested."""
        if self.wait(deadline_s / 2, self._all_marked):
            return True
        self.reader.again()
        return self.wait(deadline_s / 2, self._all_marked)

    def _slots_behind(self, deadline_s: float) -> list[str]:
        """Read until the slots are where the markers are; what is still missing at the deadline.

        Half way there it reads everything again, too.
        """
        began = time.monotonic()
        for reading_until in (began + deadline_s / 2, began + deadline_s):
            while (behind := self.slots.behind(self.reader.markers)) and time.monotonic() < reading_until:
                self.slots.read(0.5)
            if not behind:
                return []
            self.slots.again()
        return behind

    def _all_marked(self) -> bool:
        return all(self.reader.markers.get(partition, 0) >= end for partition, end in self.ends.items())

    def _all_committed(self) -> bool:
        committed = self._committed()
        return all(committed.get(partition, 0) >= end for partition, end in self.ends.items())

    def _committed(self) -> dict[int, int]:
        """What the group has committed, by partition."""
        asking = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": self.group, "log_level": 2})
        try:
            places = asking.committed([TopicPartition(self.topic, number) for number in range(PARTITIONS)], 10)
        except KafkaException:
            return {}
        finally:
            asking.close()
        return {place.partition: place.offset for place in places}

    def close(self) -> None:
        self.workers.close()
        self.reader.close()
        self.slots.close()


def differences(truth: Counter[Total], found: dict[Total, int]) -> list[tuple[Total, int, int]]:
    """Where the counts differ: (total, truth, found)."""
    return [
        (total, truth[total], found.get(total, 0))
        for total in sorted(truth.keys() | found.keys())
        if truth[total] != found.get(total, 0)
    ]
