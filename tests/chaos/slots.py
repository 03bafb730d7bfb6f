"""An independent reader of the slots: what all blocks say together must be the totals, whoever died while writing.

It reads uncommitted records too. Blocks of a partition chain by input offset; what a killed worker left behind is on no
chain that leads to the end.
"""

from __future__ import annotations

import struct
import uuid
from collections import Counter
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.avro import Codec
from schemas.topics import REPUTATION_SLOTS
from schemas.verdicts import SlotCounts
from streams.core.meaning import METRICS
from streams.topics import BACK_SOON
from tests.chaos.events import Total


class Block(NamedTuple):
    """One block, complete: where it ends, and its records."""

    end: int
    records: list[SlotCounts]


class Slots:
    """What is written to the topic from now on. `counts` after any number of `read`s."""

    def __init__(self, bootstrap: str) -> None:
        common: dict[str, str | int | float | bool] = {"bootstrap.servers": bootstrap, **BACK_SOON, "log_level": 2}
        admin = AdminClient(common)
        place = TopicPartition(REPUTATION_SLOTS.name, 0, 0)
        self._consumer = Consumer(
            {
                "group.id": uuid.uuid4().hex,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_uncommitted",
                "fetch.wait.max.ms": 50,
                **common,
            }
        )
        if place.topic in admin.list_topics(timeout=10).topics:
            place.offset = self._consumer.get_watermark_offsets(place, 10)[1]
        else:
            admin.create_topics([NewTopic(place.topic, 1, 1)])[place.topic].result(30)
        self._begin = place
        self.again()
        self._codec = Codec()
        self._unfinished: dict[int, list[SlotCounts]] = {}
        self._blocks: dict[tuple[int, int], list[Block]] = {}

    def again(self) -> None:
        """Read from the beginning once more; a block that is found twice is one."""
        self._consumer.assign([self._begin])

    def read(self, wait_s: float) -> None:
        """Take in what there is; waits at most `wait_s` for the first record."""
        messages = self._consumer.consume(1, wait_s)
        while messages:
            for message in messages:
                self._take(message)
            messages = self._consumer.consume(5_000, 0)

    def counts(self, ends: dict[int, int]) -> dict[Total, int]:
        """The sum of every partition's chain up to this input offset. Raises KeyError where a chain breaks off."""
        found: Counter[Total] = Counter()
        for partition, end in ends.items():
            for block in self._chains(partition)[end]:
                for record in block.records:
                    found.update(_increments(record))
        return dict(found)

    def behind(self, ends: dict[int, int]) -> list[str]:
        """The partitions of which no chain leads to this input offset yet."""
        reached = {partition: self._chains(partition) for partition in ends}
        return [f"slots of {p} end at {max(reached[p])} of {end}" for p, end in ends.items() if end not in reached[p]]

    def close(self) -> None:
        self._consumer.close()

    def _chains(self, partition: int) -> dict[int, list[Block]]:
        """The offsets that can be reached from the input's start, and by which blocks."""
        reached: dict[int, list[Block]] = {0: []}
        for begin in sorted(begin for number, begin in self._blocks if number == partition):
            for block in self._blocks[partition, begin]:
                if begin in reached:
                    reached[block.end] = [*reached[begin], block]
        return reached

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            assert error.retriable() or error.code() == KafkaError._ALL_BROKERS_DOWN, error
            return
        record = self._codec.decode(message.value() or b"", SlotCounts)
        records = [] if record.chunk == 0 else self._unfinished.pop(record.partition, [])
        if len(records) != record.chunk:
            return
        records.append(record)
        if len(records) < record.chunks:
            self._unfinished[record.partition] = records
        elif record.to_offset > record.from_offset:
            block = Block(record.to_offset, records)
            self._blocks.setdefault((record.partition, record.from_offset), []).append(block)


def _increments(record: SlotCounts) -> Counter[Total]:
    """What one record adds to the totals."""
    found: Counter[Total] = Counter()
    ends = [end for (end,) in struct.iter_unpack("<i", record.ends)]
    names = [record.names[begin:end].decode() for begin, end in zip([0, *ends], ends, strict=False)]
    for row, _, metric, more in struct.iter_unpack("<4i", record.entries):
        tenant, kind, key, _, minute = names[row].split("\x1f")
        found[record.partition, tenant, kind, key, int(minute), METRICS[metric]] += more
    return found
