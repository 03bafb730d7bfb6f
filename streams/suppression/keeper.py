"""Keeps the list in step with its topic, in every process of the service: a thread that reads all of it.

Several may write: each process for its share of the events, commands for people. Whoever reads a record that is
less than what is known by now (its writer had not read so far) writes the better one behind it. So the last record
of a key is soon what all of them together say, and the topic keeps every record for a day before it may drop
one, for writers that ended in between.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from mode import Service

from schemas.avro import Codec
from schemas.errors import Transient
from schemas.events import EmailEvent
from schemas.topics import SUPPRESSIONS
from streams.core.suppression.book import Book, Written
from streams.core.suppression.facts import fact_of, failing_day_of
from streams.kafka import LogProducer
from streams.lane import runs
from streams.suppression.log import batches_to_end, check_size, read_into, reader_of, records_of
from streams.suppression.metrics import SuppressionMetrics

LOG = logging.getLogger(__name__)
_MOST = 5_000  # records taken in at once, some 50 ms
_POLL_S = 0.05
_LEAVE_S = 15.0
_FORGET_EVERY = 20_000  # turns of the loop: about every quarter of an hour on a quiet log
_PATIENCE, _PAUSE_S = 30, 1.0  # failures to write what is better, one after the other


class Keeper(Service):
    """The list of this process. `limit`: how many recipients it may hold."""

    def __init__(
        self, bootstrap: str, codec: Codec, log: LogProducer, *, limit: int, metrics: SuppressionMetrics
    ) -> None:
        super().__init__()
        self.book = Book()
        self._bootstrap, self._codec, self._log, self._limit = bootstrap, codec, log, limit
        self._metrics = metrics
        self._lock = threading.Lock()  # for changes of the book; looking something up needs none
        self._halt, self._current = threading.Event(), threading.Event()
        self._better: dict[bytes, Written] = {}

    @property
    def is_current(self) -> bool:
        """The whole list has been read back: what it does not have is not suppressed."""
        return self._current.is_set()

    def wait_until_current(self, timeout_s: float) -> bool:
        """Block until then; False when it took longer."""
        return self._current.wait(timeout_s)

    def take(self, events: Iterable[EmailEvent]) -> list[Written]:
        """What these events say that is not on the list yet, taken in. Raises Misconfigured when the list is full."""
        found: list[Written] = []
        with self._lock:
            for event in events:
                fact, day = fact_of(event), failing_day_of(event)
                if fact is not None:
                    found += self.book.take(fact)
                if day is not None:
                    found += self.book.take_day(event.tenant, event.recipient_key, day)
            check_size(self.book, self._limit)
        return found

    async def on_start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="suppressions", daemon=True)
        self._thread.start()

    async def on_stop(self) -> None:
        """End it."""
        self._halt.set()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join, _LEAVE_S)

    def _run(self) -> None:
        reader = reader_of(self._bootstrap)
        try:
            if self._read_back(reader):
                self._follow(reader)
        except BaseException as error:  # a thread's end must never go unnoticed
            LOG.exception("the suppression list is no longer kept in step")
            self.loop.call_soon_threadsafe(self.loop.create_task, self.crash(error))
        finally:
            reader.close()

    def _read_back(self, reader: Consumer) -> bool:
        """Read everything up to the present end; False if the process is to end before that."""
        for messages in batches_to_end(reader):
            self._apply(messages)
            if self._halt.is_set():
                return False
        position = reader.position([TopicPartition(SUPPRESSIONS.name, 0)])[0].offset
        reader.assign([TopicPartition(SUPPRESSIONS.name, 0, max(position, 0))])
        with self._lock:
            self.book.forget_days()
        gc.freeze()  # a list of a million is no garbage, and looking through it would stop the answers
        self._show()
        self._current.set()
        LOG.info("suppression list read: %d recipients", len(self.book))
        return True

    def _follow(self, reader: Consumer) -> None:
        turns = 0
        while not self._halt.is_set():
            self._apply(reader.consume(_MOST, _POLL_S))
            self._mend()
            turns += 1
            if turns % _FORGET_EVERY == 0:
                with self._lock:
                    self.book.forget_days()

    def _apply(self, messages: list[Message]) -> None:
        for error in runs.errors(messages):
            _check(error)
        with self._lock:
            verdicts = read_into(self.book, messages, self._codec, self._limit)
        for key, better in verdicts.items():
            if better is None:
                self._better.pop(key, None)
            else:
                self._better[key] = better
        if verdicts:
            self._show()

    def _mend(self) -> None:
        """Write what is better than the last record of its key."""
        failures = 0
        while self._better and not self._halt.is_set():
            some = dict(list(self._better.items())[:_MOST])
            try:
                self._log.produce_all(records_of(some.values(), self._codec))
            except Transient as error:
                failures += 1
                if failures > _PATIENCE:
                    raise
                LOG.warning("%d better records not written yet: %s", len(self._better), error)
                self._halt.wait(_PAUSE_S)
            else:
                self._better = {key: item for key, item in self._better.items() if key not in some}
                self._metrics.count_mended(len(some))

    def _show(self) -> None:
        self._metrics.show(len(self.book), self.book.in_trouble)


def _check(error: KafkaError) -> None:
    """Raises KafkaException for an error that stays."""
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's public code
        return
    if error.fatal() or error.code() == KafkaError.OFFSET_OUT_OF_RANGE:
        raise KafkaException(error)
    LOG.warning("suppressions: %s", error.name())
