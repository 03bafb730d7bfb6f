"""The lane: a consumer thread hands whole partition batches to an ordinary Faust agent.

Faust's own consumer hands over one event at a time, ends recovery early on some brokers and clears
queues when it rebalances; a lane shares the app, its agents, channels and shutdown with Faust, and owns
consumption and position itself. Two kinds: `RelayLane` for stages that keep no state (position in the
consumer group), `StatefulLane` (`changelog.py`) for those that do.

Promise: a batch's offsets are committed only after the agent called `done` for it and its effect was
written; kill the process anywhere and the records are read again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from abc import abstractmethod
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from confluent_kafka import OFFSET_STORED, Consumer, KafkaError, KafkaException, Message, TopicPartition
from faust.app.base import BootStrategy
from mode import Service

from streams.lane.part import Batch, Part

log = logging.getLogger(__name__)
State = TypeVar("State")
Result = TypeVar("Result")

_CHANNEL_BATCHES = 4  # a full channel blocks the consumer thread: the bound on memory in flight
_STALL_S = 30.0  # a batch that Faust dropped, with none behind it, is noticed after this
_LEAVE_S = 30.0


class LaneOnly(BootStrategy):
    """Boots an app without topics of its own: Faust's consumer refuses to start with nothing to read."""

    enable_kafka_consumer = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSettings:
    """How a lane reads. `batch`: records a batch at most; `fetch_kbytes`: prefetched bytes at most;
    `linger_s`: how long a batch is held open after its first record.
    """

    bootstrap: str
    group: str
    topic: str
    batch: int = 10_000
    fetch_kbytes: int = 65_536
    flush_s: float = 0.5
    linger_s: float = 0.05
    session_timeout_ms: int = 10_000


class Lane(Service, Generic[State]):
    """Owns the consumer thread. Subclasses say how a partition is opened and how its effect is written."""

    def __init__(self, app: Any, settings: LaneSettings) -> None:
        super().__init__()
        self.app = app
        self.settings = settings
        self.channel = app.channel(maxsize=_CHANNEL_BATCHES)
        self.parts: dict[int, Part[State]] = {}
        self.has_joined = False  # a first assignment has come (it may be empty): ready to work
        self._halt = threading.Event()
        # Positions that the consumer thread commits: a consumer's calls from two threads wait for each other.
        self._to_commit: dict[int, int] = {}

    # -- how a partition's effect is kept: the subclass's side ---------------------------------------------------

    @abstractmethod
    def _open(self, numbers: list[int]) -> dict[int, Part[State]]:
        """Take the partitions over. Runs in the consumer thread; may block; raises KafkaException."""

    @abstractmethod
    def _cut(self, part: Part[State]) -> Any:
        """What to write so that everything below `part.next` is durable. On the event loop; must not block."""

    @abstractmethod
    def _write(self, part: Part[State], cut: Any) -> None:
        """Write it. Runs in a worker thread; raises KafkaException when another owner has taken over."""

    # -- the agent's side (event loop) ---------------------------------------------------------------------------

    def accept(self, batch: Batch[State]) -> bool:
        """False for a batch to skip. One that does not start where the last ended was preceded by a loss."""
        if batch.is_stale:
            return False
        if batch.start != batch.part.next:
            self._rewind(batch.part)
            return False
        return True

    def done(self, batch: Batch[State]) -> None:
        """The batch's effect is in the state, or delivered."""
        if not batch.is_stale:
            batch.part.next = batch.end

    async def flush(self, part: Part[State]) -> None:
        """Make everything done so far durable, then commit the position."""
        async with part.lock:
            if part.next == part.flushed:
                return
            upto = part.next  # the cut and `upto` belong together: no await between them
            cut = self._cut(part)
            await asyncio.get_running_loop().run_in_executor(None, self._write, part, cut)
            part.flushed = upto
            self._to_commit[part.number] = upto

    def _rewind(self, part: Part[State]) -> None:
        log.warning(
            "partition %d: handed over up to %d, done up to %d, reading again", part.number, part.fetched, part.next
        )
        part.epoch += 1
        part.must_rewind = True
        part.handed_at_s = time.monotonic()

    @Service.task
    async def _flusher(self) -> None:
        while not self.should_stop:
            await self.sleep(self.settings.flush_s)
            parts = [part for part in list(self.parts.values()) if part.is_live]
            for part in parts:
                if part.fetched > part.next and time.monotonic() - part.handed_at_s > _STALL_S:
                    self._rewind(part)
            try:
                await asyncio.gather(*(self.flush(part) for part in parts))
            except KafkaException as error:  # fenced, or the broker refuses: the state here is worth nothing now
                await self.crash(error)

    # -- the consumer thread -------------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Start the consumer thread."""
        self._events = asyncio.get_running_loop()
        if isinstance(self.app.boot_strategy, LaneOnly):
            self.app.flow_control.resume()  # otherwise Faust's own consumer does it
        self._thread = threading.Thread(target=self._run, name="lane", daemon=True)
        self._thread.start()

    async def on_stop(self) -> None:
        """Stop reading; the thread closes the consumer, which flushes and leaves the group."""
        self._halt.set()
        await self._events.run_in_executor(None, self._thread.join, _LEAVE_S)

    def _run(self) -> None:
        try:
            self._consumer = Consumer(self._consumer_config())
            self._consumer.subscribe(
                [self.settings.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )
            while not self._halt.is_set():
                self._rewind_asked()
                self._commit()
                batches = self._next_batches()
                if batches:
                    self._on_loop(self._hand_over(batches))
            self._consumer.close()  # calls _revoked: a last flush, then leave the group
        except BaseException as error:  # a thread's end must never go unnoticed
            if not self._halt.is_set():
                log.exception("the lane's consumer thread ended")
            asyncio.run_coroutine_threadsafe(self.crash(error), self._events)

    def _consumer_config(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "bootstrap.servers": settings.bootstrap,
            "log_level": 2,  # librdkafka says every lost connection on stderr otherwise
            "group.id": settings.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": settings.session_timeout_ms,
            "heartbeat.interval.ms": settings.session_timeout_ms // 10,
            "partition.assignment.strategy": "range",
            "fetch.wait.max.ms": 50,
            "fetch.queue.backoff.ms": 10,  # the default, 1000, idles a consumer that is catching up
            "queued.min.messages": 50_000,
            "queued.max.messages.kbytes": settings.fetch_kbytes,
        }

    def _commit(self) -> None:
        """Commit what became durable; for lag monitors, and for lanes without a changelog the position."""
        due = [TopicPartition(self.settings.topic, n, self._to_commit.pop(n)) for n in list(self._to_commit)]
        try:
            if due:
                self._consumer.commit(offsets=due, asynchronous=True)
        except KafkaException as error:  # the partition is being taken away: its new owner reads again
            log.warning("positions %s not committed (%s)", due, error.args[0].name())

    def _rewind_asked(self) -> None:
        for part in list(self.parts.values()):
            if part.must_rewind:
                part.must_rewind, part.fetched = False, part.next
                self._consumer.seek(TopicPartition(self.settings.topic, part.number, part.next))

    def _next_batches(self) -> list[Batch[State]]:
        messages = self._consumer.consume(1, 0.1)
        if messages:  # what comes within the linger costs hardly more than the first alone
            messages += self._consumer.consume(self.settings.batch, self.settings.linger_s)
        by_part: dict[Part[State], list[Message]] = {}
        for message in messages:
            error = message.error()
            if error is not None:
                if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - librdkafka's public code
                    log.warning("consumer: %s", error.name())
                continue
            part = self.parts.get(int(message.partition() or 0))
            if part is not None and int(message.offset() or 0) >= part.fetched:  # below: left over from before a seek
                by_part.setdefault(part, []).append(message)
        return [self._batch(part, records) for part, records in by_part.items()]

    def _batch(self, part: Part[State], records: list[Message]) -> Batch[State]:
        offsets = [int(record.offset() or 0) for record in records]
        start = part.fetched if part.fetched >= 0 else offsets[0]
        if part.next < 0:  # the group had no position: the first record read is where we begin
            part.next = start
        part.fetched, part.handed_at_s = offsets[-1] + 1, time.monotonic()
        return Batch(part, part.epoch, start, part.fetched, [record.value() for record in records], offsets)

    def _on_loop(self, work: Coroutine[Any, Any, Result], timeout_s: float | None = None) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._events).result(timeout_s)

    async def _hand_over(self, batches: list[Batch[State]]) -> None:
        for batch in batches:
            await self.channel.put(batch)  # not send(): Faust skips sent events of an older generation

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        fresh = self._open([item.partition for item in partitions]) if partitions else {}
        self.parts.update(fresh)
        self.has_joined = True
        consumer.assign(
            [
                TopicPartition(self.settings.topic, number, part.next if part.next >= 0 else OFFSET_STORED)
                for number, part in fresh.items()
            ]
        )
        log.info("%s: own partitions %s", self.settings.topic, sorted(self.parts))

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = [self.parts.pop(item.partition) for item in partitions if item.partition in self.parts]
        self._on_loop(self._release(gone), _LEAVE_S)
        self._commit()

    def _lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for item in partitions:  # somebody else owns them already: write nothing more
            part = self.parts.pop(item.partition, None)
            if part is not None:
                part.is_live = False

    async def _release(self, parts: list[Part[State]]) -> None:
        for part in parts:
            part.is_live = False  # the agent adds nothing more; what it has done goes out
        await asyncio.gather(*(self.flush(part) for part in parts))


class RelayLane(Lane[None]):
    """For a stage without state: the agent awaits delivery of what a batch became, then calls `done`."""

    def _open(self, numbers: list[int]) -> dict[int, Part[None]]:
        return {number: Part(number, None, fetched=-1, next=-1) for number in numbers}

    def _cut(self, part: Part[None]) -> None:
        """Nothing to write: what a batch became was delivered before `done`."""

    def _write(self, part: Part[None], cut: None) -> None:
        """Nothing to write."""
