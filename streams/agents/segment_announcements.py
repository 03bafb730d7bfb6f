"""What was announced: the newest rules of each tenant in a small topic, and in every partition of the log.

The log comes first. So what the topic has is in the log, and what is in the log alone is announced again, with a
higher number.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from confluent_kafka import Consumer

from schemas.announcements import RulesAnnounced
from schemas.avro import Codec
from schemas.errors import Permanent
from schemas.topics import RECIPIENT_EVENTS, SEGMENT_RULES, SEGMENT_STATUSES
from streams.core.segments.announced import Wanted, next_rules, statuses
from streams.kafka import LogProducer, Record
from streams.lane.changelog import read_to_end

log = logging.getLogger(__name__)


class Announcements:
    """Reads and writes them; everything blocks. `partitions`: of the log of recipient events."""

    def __init__(self, bootstrap: str, producer: LogProducer, codec: Codec, partitions: int) -> None:
        self._bootstrap, self._producer, self._codec = bootstrap, producer, codec
        self._partitions = partitions

    def newest(self) -> dict[str, RulesAnnounced]:
        """By tenant. Raises KafkaException when the topic cannot be read."""
        reader = Consumer(
            {
                "bootstrap.servers": self._bootstrap, "group.id": "mailweir-segment-rules-reader", "log_level": 2,
                "enable.auto.commit": False, "auto.offset.reset": "earliest", "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
            }
        )  # fmt: skip
        found: dict[str, RulesAnnounced] = {}
        try:
            for message in read_to_end(reader, SEGMENT_RULES.name, [0]):
                self._take(message.value(), found)
        finally:
            reader.close()
        return found

    def _take(self, value: bytes | None, found: dict[str, RulesAnnounced]) -> None:
        try:
            rules = self._codec.decode(value or b"", RulesAnnounced)
        except Permanent as error:
            log.error("an announcement of rules left out: %s", error)  # noqa: TRY400 - no defect of ours
            return
        last = found.get(rules.tenant)
        if last is None or last.number < rules.number:
            found[rules.tenant] = rules

    def announce(self, last: RulesAnnounced | None, rules: RulesAnnounced, now: int) -> None:
        """Say it in every partition, then in the topic. `now`: ms. Raises Transient, Permanent."""
        value, key = self._codec.encode(rules), rules.tenant.encode()
        self._producer.produce_all(
            [Record(RECIPIENT_EVENTS.name, value, key, number) for number in range(self._partitions)]
        )
        told = [
            Record(SEGMENT_STATUSES.name, self._codec.encode(each), f"{each.tenant}:{each.segment_id}".encode())
            for each in statuses(last, rules, now)
        ]
        self._producer.produce_all([*told, Record(SEGMENT_RULES.name, value, key)])

    def begin(self, everything: Mapping[str, Wanted], now: int, *, has_past: bool) -> None:
        """Announce the rules of tenants that have none yet: what is relayed before them is lost for them."""
        known = self.newest()
        for tenant, wanted in everything.items():
            if tenant not in known:
                rules = next_rules(tenant, None, wanted, now, has_past=has_past)
                if rules is not None:
                    self.announce(None, rules, now)
