"""The scorer: every partial count in, the score of every changed key out.

Scores are a pure function of the partials, so nothing of the scorer's is persisted: a new one reads the
compacted partials from the start. Of several reputation processes one scores: whichever the consumer
group gives the single partition of the scores topic.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from mode import Service

from schemas.aggregates import ReputationPartial, ReputationScore
from schemas.avro import Codec
from schemas.errors import Transient
from schemas.topics import REPUTATION_PARTIALS, REPUTATION_SCORES
from streams.core.reputation.ledger import Ledger
from streams.kafka import LogProducer, Record
from streams.lane.changelog import read_to_end
from streams.telemetry import Telemetry

log = logging.getLogger(__name__)
_POLL_S = 0.05
_LEAVE_S = 15.0
_FORGET_S = 120.0
ScoreKeys = Callable[[Ledger, int], list[ReputationScore]]


class Scorer(Service):
    """A thread that leads or waits to lead. `score_changed(ledger, now_ms)` is the core's function."""

    def __init__(
        self,
        bootstrap: str,
        *,
        log_producer: LogProducer,
        codec: Codec,
        score_changed: ScoreKeys,
        partitions: int,
        every_s: float,
        session_timeout_ms: int,
        clock_ms: Callable[[], int],
        stats: Telemetry,
    ) -> None:
        super().__init__()
        self._bootstrap, self._log, self._codec, self._score_changed = bootstrap, log_producer, codec, score_changed
        self._partitions, self._every_s, self._session_timeout_ms = partitions, every_s, session_timeout_ms
        self._clock_ms, self._stats = clock_ms, stats
        self._halt = threading.Event()
        self._leads = False
        self.has_joined = False

    async def on_start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="scorer", daemon=True)
        self._thread.start()

    async def on_stop(self) -> None:
        """Leave the group, so that another process leads at once."""
        self._halt.set()
        self._thread.join(_LEAVE_S)

    def _run(self) -> None:
        election = Consumer(self._config("mailweir-scorer", session_timeout_ms=self._session_timeout_ms))
        try:
            election.subscribe([REPUTATION_SCORES.name], on_assign=self._elected, on_revoke=self._deposed)
            while not self._halt.is_set():
                election.poll(_POLL_S * 2)
                if self._leads:
                    self._lead(election)
        except (KafkaException, Transient) as error:
            log.exception("the scorer ended")
            self.loop.call_soon_threadsafe(self.loop.create_task, self.crash(error))
        finally:
            election.close()

    def _elected(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(partitions)
        consumer.pause(partitions)  # the lead is all that is wanted; the scores are our own
        self._leads = bool(partitions)
        self.has_joined = True

    def _deposed(self, _consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._leads = False

    def _lead(self, election: Consumer) -> None:
        """Read everything, then score what changes, until the lead is lost."""
        ledger = Ledger()
        reader = Consumer(self._config("mailweir-scorer-reader", eof=True))
        try:
            numbers = range(self._partitions)
            for message in read_to_end(reader, REPUTATION_PARTIALS.name, numbers):
                self._apply(ledger, message, is_new=False)
            # From here on, from where each partition's reading ended.
            positions = reader.position([TopicPartition(REPUTATION_PARTIALS.name, number) for number in numbers])
            begin = [TopicPartition(p.topic, p.partition, max(p.offset, 0)) for p in positions]
            reader.assign(begin)
            due, clean_up = time.monotonic(), time.monotonic() + _FORGET_S
            while self._leads and not self._halt.is_set():
                for message in reader.consume(5_000, _POLL_S):
                    error = message.error()
                    if error is None:
                        self._apply(ledger, message, is_new=True)
                    elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's public code
                        log.warning("scorer: %s", error.name())
                if time.monotonic() >= due:
                    due = time.monotonic() + self._every_s
                    self._write(self._score_changed(ledger, self._clock_ms()))
                    election.poll(0)
                if time.monotonic() >= clean_up:
                    clean_up = time.monotonic() + _FORGET_S
                    ledger.forget()
        finally:
            reader.close()

    def _apply(self, ledger: Ledger, message: Message, *, is_new: bool) -> None:
        value = message.value()
        if value is None or self._codec.version_of(value).record is not ReputationPartial:
            return  # a tombstone of a row older than the ledger keeps, or the lane's own records
        partial = self._codec.decode(value, ReputationPartial)
        if not is_new:
            partial.oldest_new_received_at = 0  # counted before this scorer led: no measure of its latency
        ledger.apply(partial)

    def _write(self, scores: list[ReputationScore]) -> None:
        if not scores:
            return
        records = [
            Record(REPUTATION_SCORES.name, self._codec.encode(s), f"{s.tenant}\x1f{s.kind}\x1f{s.key}".encode())
            for s in scores
        ]
        waited = 0.0
        while True:
            try:
                self._log.produce_all(records)
                break
            except Transient:
                waited += 1
                if waited > 30 or self._halt.wait(1.0):  # the process starts anew and scores from the log
                    raise
        self._stats.count_scores(len(scores))

    def _config(self, group: str, *, session_timeout_ms: int = 45_000, eof: bool = False) -> dict[str, Any]:
        return {
            "bootstrap.servers": self._bootstrap,
            "log_level": 2,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": session_timeout_ms,
            "heartbeat.interval.ms": session_timeout_ms // 10,
            "fetch.wait.max.ms": 20,
            "fetch.queue.backoff.ms": 10,
            "isolation.level": "read_uncommitted",  # a partial is true by itself, committed or not
            "enable.partition.eof": eof,
        }
