"""The lane: a consumer thread hands whole partition batches to an ordinary Faust agent.

Faust's own consumer hands over one event at a time, ends recovery early on some brokers and clears
queues when it rebalances; a lane shares the app, its agents, channels and shutdown with Faust, and owns
consumption (`reader.py`) and position itself. Three kinds: `RelayLane` for stages that keep no state
(position in the consumer group), `WorkLane` (`work_lane.py`) where what takes long is done side by side,
`StatefulLane` (`changelog.py`) for stages with state.

Promise: a batch's offsets are committed only after the agent called `done` for it and its effect was
written; kill the process anywhere and the records are read again.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from abc import abstractmethod
from typing import Any, Generic, TypeVar

from confluent_kafka import KafkaException
from faust.app.base import BootStrategy
from mode import Service

from streams.lane.pace import Pace
from streams.lane.part import Batch, Part
from streams.lane.reader import Reader
from streams.lane.settings import LaneSettings

__all__ = ["Lane", "LaneOnly", "LaneSettings", "RelayLane"]

log = logging.getLogger(__name__)
State = TypeVar("State")

_CHANNEL_BATCHES = 4  # a full channel blocks the consumer thread: the bound on memory in flight
_STALL_S = 30.0  # a batch that Faust dropped, with none behind it, is noticed after this
_LOOK_S = 1.0
_GC_OBJECTS = 100_000  # a batch is 10,000 objects that hold no circles: 700, the default, looks 14 times in each
_SWITCH_S = 0.001  # threads hand each other small work: the default, 5 ms, is most of its way
_LINGER_PER_RECORD_S = 50e-6  # after 20 records the next batch waits a millisecond
_FULL_LINGER_S = 0.2  # and after 4,000 this: large folds cost less an event (docs/performance.md, single steps)
_LINGER_REST = 4.0  # small batches may take a ninth of a core: others on the machine want it too
_SHORTEST_FLUSH_S = 0.02  # more often would only multiply rows: the same key in the next flush again


class LaneOnly(BootStrategy):
    """Boots an app without topics of its own: Faust's consumer refuses to start with nothing to read."""

    enable_kafka_consumer = False


class Lane(Service, Generic[State]):
    """Hands out batches and flushes what was done. Subclasses say how a partition is opened and written."""

    def __init__(self, app: Any, settings: LaneSettings) -> None:
        super().__init__()
        self.app = app
        self.settings = settings
        self.channel = app.channel(maxsize=_CHANNEL_BATCHES)
        self.parts: dict[int, Part[State]] = {}
        self._reader = Reader[State](self)
        self._lingering = Pace(longest_s=settings.linger_s, rest=_LINGER_REST)
        self._flushing = Pace(longest_s=settings.flush_s, shortest_s=_SHORTEST_FLUSH_S)
        self._undone_since_s: float | None = None  # when the oldest work that is not flushed was done
        self._stirred = asyncio.Event()
        self._full_s = 0.0  # how long the next batch is held open because the last one was large
        self._accepted_s = self._accepted_cpu_s = self._flush_cost_s = 0.0

    @property
    def has_joined(self) -> bool:
        """The group has said which partitions are ours, perhaps none: ready to work."""
        return self._reader.has_joined

    # -- how a partition's effect is kept: the subclass's side ---------------------------------------------------

    @abstractmethod
    def open_parts(self, numbers: list[int]) -> dict[int, Part[State]]:
        """Take the partitions over. Runs in the consumer thread; may block; raises KafkaException."""

    def _has_news(self, part: Part[State]) -> bool:
        """Whether there is something to write."""
        return part.next != part.flushed

    def _cut(self, part: Part[State]) -> Any:
        """What to write so that everything below `part.next` is durable. On the event loop; must not block."""

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
        self._accepted_s, self._accepted_cpu_s = time.monotonic(), time.thread_time()
        return True

    def done(self, batch: Batch[State]) -> None:
        """The batch's effect is in the state, or delivered."""
        now = time.monotonic()
        self._lingering.turned(now, time.thread_time() - self._accepted_cpu_s)
        self._flushing.busy(now, now - self._accepted_s)
        if not batch.is_stale:
            batch.part.next = batch.end
            self._stir()

    async def failed(self, batch: Batch[State], error: BaseException) -> None:
        """The batch's effect may be half in the state: write nothing more of it, end the process."""
        batch.part.is_spoiled = True
        await self.crash(error)

    async def flush(self, part: Part[State]) -> None:
        """Make everything done so far durable, then commit the position.

        Raises KafkaException when that failed; a part that failed once is never written again, because a
        later marker would vouch for rows that went with the failed write.
        """
        async with part.lock:
            if part.has_failed or part.is_spoiled or not self._has_news(part):
                return
            upto, began_cpu_s = part.next, time.thread_time()
            cut = self._cut(part)  # the cut and `upto` belong together: no await between them
            self._flush_cost_s += time.thread_time() - began_cpu_s
            if cut is not None:
                part.has_failed = True
                self._flush_cost_s += await asyncio.get_running_loop().run_in_executor(None, self._cost, part, cut)
                part.has_failed = False
            part.flushed = upto
            self._reader.commit_soon(part.number, upto)

    def _cost(self, part: Part[State], cut: Any) -> float:
        """Write; the CPU seconds that took here."""
        began_cpu_s = time.thread_time()
        self._write(part, cut)
        return time.thread_time() - began_cpu_s

    # -- the reader's side ---------------------------------------------------------------------------------------

    def linger_until_s(self, since_s: float) -> float:
        """Until when the batch that began at `since_s` is held open (monotonic)."""
        return max(self._lingering.due_s(since_s), since_s + self._full_s)

    async def take(self, batches: list[Batch[State]]) -> None:
        """Hand batches to the agent; waits while it has too many."""
        records = sum(len(batch.values) for batch in batches)
        self._full_s = min(records * _LINGER_PER_RECORD_S, _FULL_LINGER_S)
        for batch in batches:
            await self.channel.put(batch)  # not send(): Faust skips sent events of an older generation

    async def release(self, parts: list[Part[State]]) -> None:
        """Write what the parts hold and do no more with them. Raises KafkaException."""
        for part in parts:
            part.is_live = False  # the agent adds nothing more; what it has done goes out
        await asyncio.gather(*(self.flush(part) for part in parts))

    async def abandon(self, parts: list[Part[State]]) -> None:
        """Somebody else owns the parts already: write nothing more."""
        for part in parts:
            part.is_live = False

    # -- the service ---------------------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Start the consumer thread."""
        gc.set_threshold(_GC_OBJECTS, 20, 20)
        sys.setswitchinterval(_SWITCH_S)
        if not self.app.flow_control.is_active():
            self.app.flow_control.resume()  # once: it clears the queues of lanes that have begun
        self._reader.start(asyncio.get_running_loop())

    async def on_stop(self) -> None:
        """Stop reading; the thread closes the consumer, which flushes and leaves the group."""
        await self._reader.stop()

    @Service.task
    async def _flusher(self) -> None:
        while not self.should_stop:
            await self._until_due()
            self._look_for_stalls()
            self._undone_since_s, self._flush_cost_s = None, 0.0
            self._stirred.clear()
            await asyncio.gather(*(self._flush_live(part) for part in list(self.parts.values())))
            self._flushing.turned(time.monotonic(), self._flush_cost_s)

    async def _until_due(self) -> None:
        if self._undone_since_s is None:  # a partition just taken over is flushed when this wait is over
            await self.wait(self._stirred.wait(), timeout=_LOOK_S)
        while self._undone_since_s is not None and not self.should_stop:
            left_s = self._flushing.due_s(self._undone_since_s) - time.monotonic()
            if left_s <= 0:
                return
            await self.sleep(left_s)  # what is done meanwhile may put it off

    async def _flush_live(self, part: Part[State]) -> None:
        try:
            if part.is_live:
                await self.flush(part)
        except KafkaException as error:  # fenced, or the broker refuses: the state here is worth nothing now
            if part.is_live:
                await self.crash(error)
            else:
                log.warning("partition %d went to another owner during a flush (%s)", part.number, error)

    def _stir(self) -> None:
        if self._undone_since_s is None:
            self._undone_since_s = time.monotonic()
            self._stirred.set()

    def _look_for_stalls(self) -> None:
        for part in list(self.parts.values()):
            if part.is_live and part.fetched > part.next and time.monotonic() - part.handed_at_s > _STALL_S:
                self._rewind(part)

    def _rewind(self, part: Part[State]) -> None:
        log.warning(
            "partition %d: handed over up to %d, done up to %d, reading again", part.number, part.fetched, part.next
        )
        part.epoch += 1
        part.must_rewind = True
        part.handed_at_s = time.monotonic()


class RelayLane(Lane[None]):
    """For a stage without state: the agent awaits delivery of what a batch became, then calls `done`."""

    def open_parts(self, numbers: list[int]) -> dict[int, Part[None]]:
        """Nothing to take over; the position is the group's."""
        return {number: Part(number, None, fetched=-1, next=-1) for number in numbers}
