"""Tells one receiver of transitions, or of calls of journeys: a consumer of its own, so that nobody waits for it.

Records of one recipient go one after the other, those of others beside them. The position of the consumer's group is
the oldest record that is neither taken nor buried, so a kill at any moment repeats some and loses none. While
the receiver is slow or away the consumer stays in its group and fetches nothing more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from confluent_kafka import Message
from mode import Service

from schemas.avro import Codec
from schemas.errors import Permanent
from schemas.failures import DeadLetter, Stage
from streams.agents.segment_metrics import WebhookMetrics
from streams.agents.transition_log import TransitionLog
from streams.core.normalise import Origin, unreadable
from streams.core.segments.outlet import Outlet

LOG = logging.getLogger(__name__)
_AT_ONCE = 32  # posts under way
_MOST_OPEN = 256  # transitions in hand
_MOST_AHEAD = 2_000  # records read beyond the oldest that is open: what a kill may repeat
_SAY_S = 60.0  # a line about what was given up, at most so often

Bury = Callable[[DeadLetter], Awaitable[None]]
"""Makes a dead letter durable."""


class Teller(Service):
    """One receiver's consumer and posts."""

    def __init__(self, log: TransitionLog, outlet: Outlet, codec: Codec, bury: Bury, metrics: WebhookMetrics) -> None:
        super().__init__()
        self._log, self._outlet, self._codec, self._bury, self._metrics = log, outlet, codec, bury, metrics
        self._name, self._called = outlet.webhook.name, outlet.webhook.called
        self._open: dict[int, dict[int, asyncio.Task[None]]] = {}  # by partition and offset, oldest first
        self._next: dict[int, int] = {}
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"webhook-{self._name}")
        self._is_full = self._is_broken = False
        self._trouble, self._lost, self._said_s = "", 0, -_SAY_S

    @property
    def has_joined(self) -> bool:
        """The group has said which partitions are ours, perhaps none."""
        return self._log.has_joined

    async def on_stop(self) -> None:
        """Break off what is under way (it is told again), commit, leave the group."""
        positions = self._positions()
        for number in list(self._next):
            self._drop(number)
        await self._in_thread(self._log.close, positions)
        self._thread.shutdown()

    @Service.task
    async def _work(self) -> None:
        while not self.should_stop:
            fetched = await self._in_thread(self._log.fetch, self._free(), self._positions())
            for number in self._log.gone():
                self._drop(number)
            for message in fetched if not self.should_stop else ():
                self._begin(message)
            self._say_how_it_is()

    async def _in_thread(self, work: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *given)

    def _free(self) -> int:
        """How many more may be read; when there was no room, none until there is much."""
        room = _MOST_OPEN - sum(map(len, self._open.values()))
        if any(self._next[number] - min(tasks) > _MOST_AHEAD for number, tasks in self._open.items() if tasks):
            room = 0
        self._is_full = room <= (_MOST_OPEN // 2 if self._is_full else 0)
        return 0 if self._is_full else room

    def _positions(self) -> dict[int, int]:
        """By partition, up to where everything is settled."""
        return {number: min(self._open.get(number) or (upto,)) for number, upto in self._next.items()}

    def _drop(self, number: int) -> None:
        """The partition is not ours any more: whoever has it goes on from its position."""
        self._next.pop(number, None)
        for task in self._open.pop(number, {}).values():
            task.cancel()

    def _begin(self, message: Message) -> None:
        number, offset, value = message.partition() or 0, message.offset() or 0, message.value() or b""
        self._next[number] = offset + 1
        origin = Origin(message.topic() or "", number, offset)
        work: Callable[[], Awaitable[None]]
        try:
            record = self._codec.decode(value, self._outlet.telling.record)
        except Permanent as error:
            work = partial(self._bury, unreadable(value, origin, error.code, str(error), Stage.SEGMENTS))
        else:
            if not self._outlet.webhook.wants(record):
                return
            work = partial(self._tell, record, value, origin)
        task = asyncio.create_task(self._settle(work, number, offset))
        self._open.setdefault(number, {})[offset] = task

    async def _settle(self, work: Callable[[], Awaitable[None]], number: int, offset: int) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the process ends and reads again; the position has not moved
            self._is_broken = True
            await self.crash(error)
        else:
            self._open[number].pop(offset)

    async def _tell(self, record: Any, value: bytes, origin: Origin) -> None:
        turn = self._turns.setdefault((record.tenant, record.recipient_key), asyncio.Lock())
        async with turn, self._room:  # in the order of the log
            if self._is_broken:  # the one before was perhaps not settled: it is told again, and must come first
                raise asyncio.CancelledError
            handed = await self._outlet.hand_over(record)
            if not handed.is_taken:
                await self._bury(self._outlet.letter_of(record, value, origin, handed.detail))
                self._lose(handed.detail)
        self._metrics.count(self._outlet.webhook.label, is_taken=handed.is_taken)

    def _lose(self, detail: str) -> None:
        self._lost += 1
        if time.monotonic() - self._said_s >= _SAY_S:
            LOG.error(
                "%s %s: %d given up, kept as dead letters; the last: %s", self._called, self._name, self._lost, detail
            )
            self._lost, self._said_s = 0, time.monotonic()

    def _say_how_it_is(self) -> None:
        trouble, before = self._outlet.trouble, self._trouble
        if bool(trouble) != bool(before):
            if trouble:
                LOG.warning("%s %s: the receiver fails (%s); left alone for a while", self._called, self._name, trouble)
            else:
                LOG.info("%s %s: the receiver works again", self._called, self._name)
        self._trouble = trouble
        self._metrics.show(self._outlet.webhook.label, is_down=bool(trouble))
