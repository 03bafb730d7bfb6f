"""The lane's consumer thread: a member of the group that hands whole partition batches to the event loop.

It owns the Kafka consumer alone (a consumer's calls from two threads wait for each other): it polls, takes
partitions over and gives them up, rewinds and commits. Rebalances are cooperative (KIP-429): partitions that
stay keep their state and go on, those that go are flushed and committed before they are given up. A
consumer that has fallen silent though the log has more ends the process; a new one takes its place.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, Protocol, TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.lane import runs
from streams.lane.part import Batch, Part
from streams.lane.settings import LaneSettings
from streams.lane.silence import Silence
from streams.topics import BACK_SOON

log = logging.getLogger(__name__)
State = TypeVar("State")
Result = TypeVar("Result")

_POLL_S = 0.1  # how late a rewind, a commit or the end is noticed on a silent topic
_STORED_S = 30.0  # for the group's positions, which a coordinator may have to load
_COMMIT_S = 0.5  # commits are for lag monitors: a flush on a quiet stream comes more often
_COMMIT_ANSWER_S = 30.0  # after which a commit has been lost
_RELEASE_S = 30.0


class Owner(Protocol[State]):
    """The lane, as its reader sees it."""

    settings: LaneSettings
    parts: dict[int, Part[State]]

    def open_parts(self, numbers: list[int]) -> dict[int, Part[State]]:
        """Take partitions over. Called in the reader's thread; may block; raises KafkaException."""

    def linger_until_s(self, since_s: float) -> float:
        """Until when the batch that began at `since_s` is held open (monotonic). Called in the reader's thread."""

    async def take(self, batches: list[Batch[State]]) -> None:
        """Take batches over. Waits while too much is in hand."""

    async def release(self, parts: list[Part[State]]) -> None:
        """Write what the parts hold and do no more with them. Raises KafkaException."""

    async def abandon(self, parts: list[Part[State]]) -> None:
        """Somebody else owns the parts already: write nothing more."""

    async def crash(self, reason: BaseException) -> None:
        """The thread has ended."""


class Reader(Generic[State]):
    """Runs the consumer from `start` to `stop`. `make_consumer`: from librdkafka's settings."""

    def __init__(self, owner: Owner[State], make_consumer: Callable[[dict[str, Any]], Consumer] = Consumer) -> None:
        self._owner, self._make_consumer = owner, make_consumer
        self._topic = owner.settings.topic
        self._halt = threading.Event()
        self._to_commit: dict[int, int] = {}
        self._committed_s, self._is_committing = 0.0, False
        self._silence = Silence(owner.settings, lambda group: make_consumer(self._config() | {"group.id": group}))
        self._fresh: list[TopicPartition] = []  # assigned within the running poll, still paused
        self.has_joined = False  # the group has said which partitions are ours, perhaps none
        self._is_rejoining = False  # partitions were taken away, and the group has yet to say what is ours now

    def start(self, events: asyncio.AbstractEventLoop) -> None:
        """Start the thread. Batches go to `events`, the owner's loop."""
        self._events = events
        self._thread = threading.Thread(target=self._run, name="lane", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Stop reading: the thread releases its partitions and leaves the group."""
        self._halt.set()
        await self._events.run_in_executor(None, self._thread.join, _RELEASE_S)

    def commit_soon(self, number: int, position: int) -> None:
        """Commit a partition's position within a second. May be called from any thread."""
        self._to_commit[number] = position

    def _run(self) -> None:
        try:
            self._consumer = self._make_consumer(self._config())
            self._consumer.subscribe(
                [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )
            while not self._halt.is_set():
                self._rewind_asked()
                self._commit()
                batches = self._next_batches()
                if batches:
                    self._on_loop(self._owner.take(batches))
                self._begin_fresh()
                if not batches:
                    self.check_silence(time.monotonic())
            self._consumer.close()  # calls _revoked: a last flush, then leave the group
        except BaseException as error:  # a thread's end must never go unnoticed
            if not self._halt.is_set():
                log.exception("the lane's consumer thread ended")
            asyncio.run_coroutine_threadsafe(self._owner.crash(error), self._events)

    def _config(self) -> dict[str, Any]:
        settings = self._owner.settings
        return {
            "bootstrap.servers": settings.bootstrap,
            "log_level": 2,  # librdkafka says every lost connection on stderr otherwise
            "group.id": settings.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": settings.session_timeout_ms,
            "heartbeat.interval.ms": settings.session_timeout_ms // 10,
            "partition.assignment.strategy": "cooperative-sticky",
            **BACK_SOON,
            "on_commit": self._on_commit,
            "fetch.wait.max.ms": 20,  # Tansu looks for new records when it is over
            "fetch.queue.backoff.ms": 10,  # the default, 1000, idles a consumer that is catching up
            "queued.min.messages": 50_000,
            "queued.max.messages.kbytes": settings.fetch_kbytes,
        }

    # -- reading -------------------------------------------------------------------------------------------------

    def _next_batches(self) -> list[Batch[State]]:
        messages = self._consumer.consume(1, _POLL_S)
        if messages:
            now = time.monotonic()
            linger_s = self._owner.linger_until_s(now) - now
            messages += self._consumer.consume(self._owner.settings.batch, max(linger_s, 0.0))
        self._report(runs.errors(messages))
        fresh = {item.partition for item in self._fresh}  # these records are of an earlier ownership: to be read again
        batches, keyed = [], self._owner.settings.with_keys
        for number, records in runs.by_partition(messages).items():
            part = self._owner.parts.get(number)
            if part is not None and number not in fresh and (batch := _batch(part, records, with_keys=keyed)):
                batches.append(batch)
        return batches

    def _report(self, errors: list[KafkaError]) -> None:
        for error in errors:
            if error.fatal():
                raise KafkaException(error)
            if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - librdkafka's public code
                log.warning("%s: consumer: %s", self._topic, error.name())

    def _rewind_asked(self) -> None:
        for part in list(self._owner.parts.values()):
            if part.must_rewind:
                part.must_rewind, part.fetched = False, part.next
                self._consumer.seek(TopicPartition(self._topic, part.number, part.next))

    def _commit(self, *, is_last: bool = False) -> None:
        """Commit what became durable; for lag monitors, and for lanes without a changelog the position.

        One request at a time: of two, the older one may be carried out last.
        """
        waited_s = time.monotonic() - self._committed_s
        is_early = waited_s < (_COMMIT_ANSWER_S if self._is_committing else _COMMIT_S)
        if not self._to_commit or (is_early and not is_last):
            return
        due = [TopicPartition(self._topic, n, self._to_commit.pop(n)) for n in list(self._to_commit)]
        self._committed_s, self._is_committing = time.monotonic(), True
        try:
            self._consumer.commit(offsets=due, asynchronous=True)
        except KafkaException as error:
            self._on_commit(error.args[0], due)

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        """Called from a poll. What a rebalance or a dying broker turned away goes out again."""
        self._is_committing = False
        for place in places:
            part = self._owner.parts.get(place.partition)
            if (error or place.error) and part is not None:
                self._to_commit.setdefault(part.number, part.flushed)

    def _on_loop(self, work: Coroutine[Any, Any, Result], timeout_s: float | None = None) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._events).result(timeout_s)

    def check_silence(self, now: float) -> None:
        """Nothing that was fetched is left to read at `now`, monotonic. Raises KafkaException: see `silence.py`."""
        is_member = self.has_joined and not self._is_rejoining
        self._silence.check(self._consumer, self._owner.parts.values(), now, has_joined=is_member)

    # -- the group; called from within a poll --------------------------------------------------------------------

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        opened = self._owner.open_parts([item.partition for item in partitions]) if partitions else {}
        places = [TopicPartition(self._topic, number, part.next) for number, part in opened.items() if part.next >= 0]
        places += self._stored([number for number, part in opened.items() if part.next < 0])
        consumer.incremental_assign(places)
        if places:
            consumer.pause(places)  # what this very poll returns of them was read before
        self._fresh += places
        self._owner.parts.update(opened)
        self.has_joined, self._is_rejoining = True, False
        log.info("%s: own partitions %s, new %s", self._topic, sorted(self._owner.parts), sorted(opened))

    def _stored(self, numbers: list[int]) -> list[TopicPartition]:
        """Where the group stands, the beginning where it has not been. Raises KafkaException.

        Asked for here: a consumer that is paused while it looks that up itself may never begin to read.
        """
        if not numbers:
            return []
        places = self._consumer.committed([TopicPartition(self._topic, number) for number in numbers], _STORED_S)
        return [
            TopicPartition(self._topic, p.partition, p.offset if p.offset >= 0 else OFFSET_BEGINNING) for p in places
        ]

    def _begin_fresh(self) -> None:
        if self._fresh:
            self._consumer.resume(self._fresh)
            self._fresh = []

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = self._drop(partitions)
        self._on_loop(self._owner.release(gone), _RELEASE_S)
        self._commit(is_last=True)
        consumer.incremental_unassign(partitions)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._on_loop(self._owner.abandon(self._drop(partitions)), _RELEASE_S)
        consumer.incremental_unassign(partitions)

    def _drop(self, partitions: list[TopicPartition]) -> list[Part[State]]:
        self._is_rejoining = True
        numbers = {item.partition for item in partitions}
        self._fresh = [item for item in self._fresh if item.partition not in numbers]
        for number in numbers:
            self._silence.forget(number)
        log.info("%s: give up partitions %s", self._topic, sorted(numbers))
        return [self._owner.parts.pop(number) for number in numbers if number in self._owner.parts]


def _batch(part: Part[State], records: list[Message], *, with_keys: bool = False) -> Batch[State] | None:
    """What is new of these records, in the order of the log."""
    offsets = runs.offsets_of(records)
    if offsets[0] < part.fetched:  # left over from before a seek
        records = [record for record, offset in zip(records, offsets, strict=True) if offset >= part.fetched]
        offsets = runs.offsets_of(records)
        if not records:
            return None
    start = part.fetched if part.fetched >= 0 else offsets[0]
    if part.next < 0:  # the group had no position: the first record read is where we begin
        part.next = start
    part.fetched, part.handed_at_s = offsets[-1] + 1, time.monotonic()
    keys = runs.keys_of(records) if with_keys else []
    return Batch(part, part.epoch, start, part.fetched, runs.values_of(records), offsets, keys)
