"""The past of segments that begin: stored events, sent through the log once more.

So they come in the same order to whoever reads the log again, and what the log has anyway is told by its id. The store
must have everything that the log had when the segments were announced; so the sink is waited for first. After each
piece the reader is waited for, so that what happens meanwhile does not queue behind the past.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from threading import Event

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.announcements import PastFact, PastRead, RulesAnnounced
from schemas.avro import Codec
from schemas.errors import Transient
from schemas.identity import partition_key
from schemas.topics import ACTIVITY_EVENTS, EMAIL_EVENTS, RECIPIENT_EVENTS
from streams.core.segments.announced import past_of
from streams.core.segments.program import Program
from streams.kafka import LogProducer, Record
from streams.topics import text_of

log = logging.getLogger(__name__)
_PIECE = 1_000  # facts: an event waits for some 50 ms at most behind them, and for the piece before
_SETTLE_S = 3.0  # then a tick is behind everything: Tansu names the begin of the last batch as the end
_LOOK_S = 0.5
_TELL_S = 60.0
_STALL_S = 120.0  # without anything read; the partition has another owner, or none
_TIMEOUT_S = 20.0
EVER = 9_999_999_999_999  # ms, in the year 2286: the store has times up to 2299

Row = tuple[str, str, str, int, str, str]
"""A stored fact: recipient key, event id, name, when it happened (ms), properties and traits as JSON, "" for none."""

ReadStore = Callable[[str, Program, int], Iterator[Row]]
"""A tenant's stored facts that a program looks at, since an instant (ms), and the earliest of each recipient.

Raises Transient when the store is away, Misconfigured when tables are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """Who writes the store: a consumer group, and how to ask for its positions."""

    bootstrap: str
    group: str
    partitions: int


class Past:
    """Sends what announced segments need of the past; everything blocks.

    `clock`: the log's (ms), as the first partition has it. `read_so_far`: of a tenant, as `SegmentState.past` has it
    there.
    """

    def __init__(
        self,
        store: ReadStore,
        sink: Sink,
        producer: LogProducer,
        codec: Codec,
        clock: Callable[[], int],
        read_so_far: Callable[[str], int],
    ) -> None:
        self._store, self._sink = store, sink
        self._producer, self._codec = producer, codec
        self._clock, self._read_so_far = clock, read_so_far

    def send(self, rules: RulesAnnounced, halt: Event) -> bool:
        """Send the facts that are stored; False when `halt` came first.

        Raises Transient when the store, the log or its reader is away, Misconfigured when tables are missing.
        """
        if halt.wait(_SETTLE_S) or not self._wait_for_sink(halt):
            return False
        began_s = time.monotonic()
        sent = self._send_all(self._facts(rules), rules.tenant, halt)
        if sent is not None:
            took_s = time.monotonic() - began_s
            log.info("%s: %d stored events read for new segments in %.0f s", rules.tenant, sent, took_s)
        return sent is not None

    # -- the sink ------------------------------------------------------------------------------------------------

    def _wait_for_sink(self, halt: Event) -> bool:
        """Until the store has what the log has now; False when told to halt."""
        asker = Consumer({"bootstrap.servers": self._sink.bootstrap, "group.id": self._sink.group, "log_level": 2})
        try:
            places = self._ends(asker)
            told_s = time.monotonic()
            while behind := self._behind(asker, places):
                if time.monotonic() - told_s > _TELL_S:
                    told_s = time.monotonic()
                    log.warning("new segments wait for the sink, which has %d records to store", behind)
                if halt.wait(_LOOK_S):
                    return False
        except KafkaException as error:
            raise Transient(f"the sink's positions cannot be read: {text_of(error)}") from error
        finally:
            asker.close()
        return True

    def _ends(self, asker: Consumer) -> list[TopicPartition]:
        numbers = range(self._sink.partitions)
        places = [TopicPartition(topic.name, number) for topic in (EMAIL_EVENTS, ACTIVITY_EVENTS) for number in numbers]
        for place in places:
            place.offset = asker.get_watermark_offsets(place, _TIMEOUT_S)[1]
        return places

    def _behind(self, asker: Consumer, ends: list[TopicPartition]) -> int:
        asked = [TopicPartition(end.topic, end.partition) for end in ends]
        done = {(at.topic, at.partition): max(at.offset, 0) for at in asker.committed(asked, timeout=_TIMEOUT_S)}
        return sum(max(0, end.offset - done[end.topic, end.partition]) for end in ends)

    # -- facts ---------------------------------------------------------------------------------------------------

    def _facts(self, rules: RulesAnnounced) -> Iterator[Record]:
        program = past_of(rules)
        reach = program.reach_ms()
        since = -EVER if reach is None else self._clock() - reach
        for row in self._store(rules.tenant, program, since):
            yield self._record(rules.tenant, *row)

    def _record(self, tenant: str, who: str, event_id: str, name: str, at: int, properties: str, traits: str) -> Record:
        fact = PastFact(
            tenant=tenant, recipient_key=who, event_id=event_id, name=name, occurred_at=at, properties=properties,
            traits=traits,
        )  # fmt: skip
        return Record(RECIPIENT_EVENTS.name, self._codec.encode(fact), partition_key(tenant, who))

    def _send_all(self, facts: Iterator[Record], tenant: str, halt: Event) -> int | None:
        """How many; None when told to halt."""
        before = count = self._read_so_far(tenant)
        while piece := list(islice(facts, _PIECE)):
            count += len(piece)
            self._producer.produce_all(piece)
            mark = self._codec.encode(PastRead(tenant=tenant, facts=count))
            self._producer.produce_all([Record(RECIPIENT_EVENTS.name, mark, None, 0)])
            stalled_s = time.monotonic() + _STALL_S
            while self._read_so_far(tenant) < count:
                if halt.wait(0.005):
                    return None
                if time.monotonic() > stalled_s:
                    raise Transient(f"nobody reads the past of {tenant} on since {_STALL_S:.0f} s")
        return count - before
