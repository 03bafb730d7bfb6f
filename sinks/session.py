"""One consumer's life: poll, collect per partition, and in rounds announce, insert, commit.

The order is what makes a kill at any moment harmless. Intent row first (`sinks.intents`), then the
insert under a token that is the batch's bounds (`sinks.loader`), then the offset. Whatever stops a
round, the batch stays pinned and the round is repeated as it was, so every step may happen twice.
Everything but the inserts, which run side by side, happens in the caller's thread; rebalance callbacks
come from inside `poll`.

Records come by `poll`, one by one, rather than by `consume`: a list collected across a rebalance may
begin with records of a partition that was taken away and given back at an earlier offset.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.errors import Transient
from schemas.failures import DeadLetter
from sinks.batches import Batch, Buffer, Entry, Partition
from sinks.dead_letters import DeadLetters, letter_of
from sinks.intents import Intents
from sinks.loader import Loader, Refusal, Sorted
from sinks.log import LOOKUP_TIMEOUT_S, Log
from sinks.metrics import SinkMetrics
from sinks.settings import SinkSettings
from sinks.silence import Silence
from sinks.tables import TableSpec

POLL_S = 0.1  # how late a stop is noticed
_LOG = logging.getLogger(__name__)


class Session:
    """Moves records from `specs`' topics into their tables until it is closed.

    `at` is called with the name of each step once it is done; a crash test ends the process there.
    """

    def __init__(
        self,
        *,
        log: Log,
        consumer: Consumer,
        specs: Mapping[str, TableSpec],
        intents: Intents,
        loader: Loader,
        dead_letters: DeadLetters,
        settings: SinkSettings,
        metrics: SinkMetrics,
        clock: Callable[[], float],
        at: Callable[[str], None],
    ) -> None:
        self._log = log
        self._consumer = consumer
        self._specs = specs
        self._intents = intents
        self._loader = loader
        self._dead_letters = dead_letters
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._at = at
        self._buffers: dict[tuple[str, int], Buffer] = {}  # by Partition; asked with plain tuples, record by record
        self._committed_at = self._drained_at = clock()
        self._silence = Silence()
        self._loaders = ThreadPoolExecutor(settings.inserts_at_once, thread_name_prefix="insert")
        consumer.subscribe(list(specs), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def collect(self, is_stopping: Callable[[], bool]) -> None:
        """Read until the round is full or its time is over. Raises Transient when the consumer is done for."""
        settings, began = self._settings, self._clock()
        deadline = began + settings.flush_s
        records = size = 0
        while records < settings.max_records and size < settings.max_bytes and not is_stopping():
            left = deadline - self._clock()
            if left <= 0 and records >= settings.busy_records:
                deadline = began + max(settings.busy_flush_s, settings.flush_s)
                left = deadline - self._clock()
            if left <= 0:
                return
            message = self._consumer.poll(min(left, POLL_S))
            if message is None:
                self._drained_at = self._clock()
            else:
                records += 1
                size += self._take(message)

    def wait(self, seconds: float, is_stopping: Callable[[], bool]) -> None:
        """Stay in the group for `seconds` without reading on: nothing is fetched, memory stays as it is."""
        deadline = self._clock() + seconds
        while self._clock() < deadline and not is_stopping():
            self._consumer.pause(self._assignment())
            message = self._consumer.poll(POLL_S)
            if message is not None:  # of a partition that came in this very poll
                self._take(message)
        self._consumer.resume(self._assignment())
        self._silence.forget()
        self._drained_at = self._clock()

    def flush(self) -> None:
        """One round over everything collected. Raises Transient or Misconfigured; repeat it then."""
        self._check_silence()
        self._look_up()
        batches = [(buffer, batch) for buffer in self._buffers.values() if (batch := buffer.batch())]
        work = []
        for buffer, batch in batches:
            found = self._loader.sort(self._specs[batch.partition.topic], batch)
            if found.is_silent:
                buffer.forget(batch)
                self._count_skipped(batch, found)
            else:
                work.append((buffer, batch, found))
        self._announce([(buffer, batch) for buffer, batch, _ in work])
        self._insert([item for item in work if item[0].pinned == item[1].bounds])
        self._commit_idle()
        self._observe_lag()

    def close(self) -> None:
        """Leave the group."""
        self._loaders.shutdown()
        self._buffers.clear()
        self._consumer.close()

    # -- the group ------------------------------------------------------------------------------

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        start = []
        for place in consumer.committed(partitions, timeout=LOOKUP_TIMEOUT_S):
            if place.error is not None:
                raise KafkaException(place.error)
            partition = Partition(place.topic, place.partition)
            self._buffers[partition] = Buffer(partition, max(place.offset, 0))
            begin = place.offset if place.offset >= 0 else OFFSET_BEGINNING
            start.append(TopicPartition(place.topic, place.partition, begin))
        consumer.assign(start)
        _LOG.info("sink: %d partitions assigned", len(start))

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._buffers.pop(Partition(place.topic, place.partition), None)
        _LOG.info("sink: %d partitions given up", len(partitions))

    def _assignment(self) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for topic, number in self._buffers]

    # -- reading --------------------------------------------------------------------------------

    def _take(self, message: Message) -> int:
        """Keep one record; its size in bytes."""
        error = message.error()
        if error is not None:
            self._note(message, error)
            return 0
        buffer = self._buffers.get((message.topic() or "", message.partition() or 0))
        if buffer is None:
            return 0
        value = message.value()
        entry = Entry(message.offset() or 0, message.timestamp()[1], value)
        if not buffer.add(entry):
            if not buffer.is_untouched:
                raise Transient(f"{buffer.partition} went back to {entry.offset}: reading again from what is committed")
            _LOG.warning("sink: %s[%d] is a new log that starts at %d", *buffer.partition, entry.offset)
            buffer.restart(entry)
        return len(value) if value else 0

    def _note(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library's public name for it
            buffer = self._buffers.get(Partition(message.topic() or "", message.partition() or 0))
            if buffer is not None:
                buffer.reached(message.offset() or 0)
        elif error.fatal():
            raise Transient(f"the consumer failed: {error.str()}")
        else:
            _LOG.warning("sink: the broker says %s about %s", error.name(), message.topic())

    def _check_silence(self) -> None:
        """Raises KafkaException when a partition is read no more though the log has more: a new consumer is due."""
        ends = {buffer.partition: max(buffer.end, buffer.committed) for buffer in self._buffers.values()}
        broken = self._silence.broken(ends, self._drained_at, lambda place: self._high(place) > ends[place] + 1)
        if broken is not None:
            _LOG.warning("sink: %s[%d] has records from %d on, none came", *broken, ends[broken])
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - the library's public name

    def _high(self, place: Partition) -> int:
        """The offset behind the partition's last record, which may be a transaction's own mark."""
        return self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=LOOKUP_TIMEOUT_S)[1]

    # -- one round ------------------------------------------------------------------------------

    def _look_up(self) -> None:
        """Learn of partitions that are new here whether a batch of theirs was left half done."""
        fresh = [buffer for buffer in self._buffers.values() if not buffer.topic_id]
        if not fresh:
            return
        ids = self._log.topic_ids(sorted({buffer.partition.topic for buffer in fresh}))
        known = [Buffer(buffer.partition, buffer.committed, ids[buffer.partition.topic]) for buffer in fresh]
        pinned = self._intents.earliest(known)
        for buffer in fresh:
            buffer.topic_id = ids[buffer.partition.topic]
            if buffer.partition in pinned:
                buffer.pin(pinned[buffer.partition], is_announced=True)
                _LOG.info("sink: %s[%d] repeats the batch %d-%d", *buffer.partition, *pinned[buffer.partition])

    def _announce(self, work: Sequence[tuple[Buffer, Batch]]) -> None:
        """Write intents; where somebody else's stands first, take over its bounds for a later round."""
        new = [(buffer, batch) for buffer, batch in work if not buffer.is_announced]
        if not new:
            return
        self._intents.write([batch for _, batch in new])
        self._at("announced")
        counting = self._intents.earliest([buffer for buffer, _ in new])
        for buffer, batch in new:
            bounds = counting.get(buffer.partition, batch.bounds)
            if bounds != batch.bounds:
                _LOG.warning("sink: %s[%d] was announced before as %d-%d", *buffer.partition, *bounds)
            buffer.pin(bounds, is_announced=True)

    def _insert(self, work: Sequence[tuple[Buffer, Batch, Sorted]]) -> None:
        """Load side by side, since an insert is mostly waiting; what went in is committed, whatever the rest did."""
        loading = [(item, self._submit(*item)) for item in work]
        wait([future for _, future in loading])
        loaded: list[tuple[Buffer, Batch]] = []
        try:
            for (buffer, batch, found), future in loading:
                refused = future.result()
                self._bury(batch.partition, refused)
                self._count(batch, found, refused)
                loaded.append((buffer, batch))
                self._at("inserted")
        finally:
            if loaded:
                self._commit(loaded)
                self._at("committed")

    def _submit(self, buffer: Buffer, batch: Batch, found: Sorted) -> Future[list[Refusal]]:
        is_repeat, buffer.was_sent = buffer.was_sent, True
        spec = self._specs[batch.partition.topic]
        return self._loaders.submit(self._loader.load, spec, batch, found, is_repeat=is_repeat)

    def _bury(self, partition: Partition, refused: Sequence[Refusal]) -> None:
        """Refused records become dead letters; refused dead letters only a line, or they would go round."""
        if not refused:
            return
        if self._specs[partition.topic].record is DeadLetter:
            self._metrics.dropped.inc(len(refused))
            for refusal in refused:
                _LOG.error(
                    "sink: the dead letter at %s[%d]@%d cannot be stored (%s); it stays in the topic",
                    *partition,
                    refusal.entry.offset,
                    refusal.code,
                )
            return
        self._dead_letters.write([letter_of(partition, refusal) for refusal in refused])
        _LOG.warning("sink: %d records of %s[%d] became dead letters", len(refused), *partition)

    def _commit(self, loaded: Sequence[tuple[Buffer, Batch]]) -> None:
        self._commit_offsets(
            [
                TopicPartition(batch.partition.topic, batch.partition.number, batch.bounds.last + 1)
                for _, batch in loaded
            ]
        )
        for buffer, batch in loaded:
            buffer.done(batch)

    def _commit_idle(self) -> None:
        """Commit what held nothing but clock records, now and then."""
        if self._clock() - self._committed_at < self._settings.idle_commit_s:
            return
        self._committed_at = self._clock()
        idle = [b for b in self._buffers.values() if not b.entries and b.pinned is None and b.end > b.committed]
        if idle:
            self._commit_offsets([TopicPartition(*buffer.partition, buffer.end) for buffer in idle])
            for buffer in idle:
                buffer.committed = buffer.end

    def _commit_offsets(self, offsets: list[TopicPartition]) -> None:
        try:
            answers = self._consumer.commit(offsets=offsets, asynchronous=False) or []
        except KafkaException as error:
            raise Transient(f"offsets were not committed: {error.args[0]}") from error
        wrong = [place.error for place in answers if place.error is not None]
        if wrong:
            raise Transient(f"offsets were not committed: {wrong[0]}")

    # -- figures --------------------------------------------------------------------------------

    def _count(self, batch: Batch, found: Sorted, refused: Sequence[Refusal]) -> None:
        table = self._specs[batch.partition.topic].table
        self._count_skipped(batch, found)
        self._metrics.batches.labels(table).inc()
        self._metrics.rows.labels(table).inc(len(batch.entries) - found.skipped - len(refused))
        for refusal in refused:
            self._metrics.dead_letters.labels(table, refusal.code).inc()

    def _count_skipped(self, batch: Batch, found: Sorted) -> None:
        if found.skipped:
            self._metrics.skipped.labels(self._specs[batch.partition.topic].table).inc(found.skipped)

    def _observe_lag(self) -> None:
        for buffer in self._buffers.values():
            place = TopicPartition(*buffer.partition)
            _, high = self._consumer.get_watermark_offsets(place, cached=True)
            lag = max(0, high - buffer.end) + len(buffer.entries) if high >= 0 else 0
            self._metrics.lag.labels(buffer.partition.topic, str(buffer.partition.number)).set(lag)
