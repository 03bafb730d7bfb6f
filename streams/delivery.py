"""What the log says about records: their delivery reports, one receipt per call, and what its refusals mean.

Reports come one by one in the producer's poll thread. `Receipt` keeps every record's position; `Count` only
counts, at a third of the cost, for callers that want to know that everything arrived and not where. Both
know when the last report is in, and turn the first failure into one of our errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from confluent_kafka import KafkaError, Message

from schemas.errors import FailureCode, Permanent, Transient
from streams.bell import Bell

Headers = Sequence[tuple[str, bytes]]
Position = tuple[int, int]
Pair = tuple[bytes, bytes]  # a record's value and key
Raw = tuple[bytes | None, bytes | None]  # the same of a record that may lack either
OnDelivery = Callable[[KafkaError | None, Message], None]
QUEUE_PAUSE_S = 0.005

_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.RECORD_LIST_TOO_LARGE)
# librdkafka's own codes begin with an underscore and are public all the same.
_NOT_THERE = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)  # noqa: SLF001


class Record(NamedTuple):
    """One record to append. `value` None is a tombstone; `partition` -1 lets the key decide."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int = -1
    headers: Headers = ()


class Receipt:
    """The delivery reports of one call. Reports come in the poll thread only, so no lock is needed."""

    def __init__(self, size: int, finished: Callable[[], None]) -> None:
        self._positions: list[Position] = [(-1, -1)] * size
        self._open = size
        self._failed = 0
        self._error: KafkaError | None = None
        self._finished = finished

    def report(self, index: int, error: KafkaError | None, message: Message) -> None:
        """The delivery callback of the record at `index`."""
        if error is None:
            self._positions[index] = (message.partition() or 0, message.offset() or 0)
        else:
            self._failed += 1
            self._error = self._error or error
        self._open -= 1
        if not self._open:
            self._finished()

    def positions(self) -> list[Position]:
        """Partition and offset per record. Raises what `as_error` makes of the first failure."""
        if self._error is not None:
            raise as_error(self._error, share(self._failed, len(self._positions)))
        return self._positions


class Count:
    """The delivery reports of one call whose size is not known until its last part.

    `report` runs in the poll thread; `reported` is written there only and `_size` by the caller only.
    """

    def __init__(self) -> None:
        self.reported = 0
        self._size = -1
        self._failed = 0
        self._error: KafkaError | None = None
        self._finished: Callable[[], None]

    def report(self, error: KafkaError | None, _message: Message) -> None:
        """The delivery callback of every record of the call."""
        if error is not None:
            self._failed += 1
            self._error = self._error or error
        self.reported += 1
        if self.reported == self._size:
            self._finished()

    def close(self, size: int, finished: Callable[[], None]) -> bool:
        """There were `size` records and none will follow. True when all reports are in already.

        `finished` is called in the poll thread when the last one comes.
        """
        self._finished, self._size = finished, size
        return self.reported == size

    def check(self) -> None:
        """Raise what `as_error` makes of the first failure, if there was one."""
        if self._error is not None:
            raise as_error(self._error, share(self._failed, self._size))


class Log(Protocol):
    """What a `Sending` needs of the producer."""

    def offer(self, topic: str, pairs: Sequence[Raw], start: int, on_delivery: OnDelivery, partition: int = -1) -> int:
        """Queue pairs from `start` on; up to where there was room. Raises Transient or Permanent."""

    def acknowledged(self) -> None:
        """Note that the broker has acknowledged something."""


class Sending:
    """One call in parts: librdkafka sends the first while the caller makes the next.

    Made by `LogProducer.begin`. Everything stays in order. When `add` or `finish` raises, all of it counts as failed.
    """

    def __init__(self, log: Log, bell: Bell) -> None:
        self._log, self._bell = log, bell
        self._count = Count()
        self._size = 0

    async def add(self, topic: str, pairs: Sequence[Raw], partition: int = -1) -> None:
        """Queue these values and keys, then let other tasks run. Waits for room in a full queue.

        `partition` -1 lets the keys decide.
        Blocks the loop for some 2 us a record, so hand over a thousand at a time. Raises as `send_all` does.
        """
        if not pairs:
            return
        loop, start = self._bell.loop, 0
        deadline = loop.time() + self._bell.patience_s
        while (start := self._log.offer(topic, pairs, start, self._count.report, partition)) < len(pairs):
            if loop.time() >= deadline:
                raise queue_full()
            await asyncio.sleep(QUEUE_PAUSE_S)
        self._size += len(pairs)
        await asyncio.sleep(0)

    async def finish(self) -> None:
        """Wait until every record is acknowledged. Raises as `send_all` does."""
        done = self._bell.loop.create_future()
        if not self._count.close(self._size, partial(self._bell.ring, done)):
            self._bell.expect(done)
            try:
                await done
            except TimeoutError:
                raise no_answer(self._size) from None
        self._count.check()
        self._log.acknowledged()


def as_error(error: KafkaError, what: str) -> Transient | Permanent:
    """A broker's or librdkafka's refusal as one of our errors."""
    code = error.code()
    if code in _TOO_LARGE:
        return Permanent(FailureCode.BODY_TOO_LARGE, f"{what}: larger than the log takes ({error.str()})")
    if code in _NOT_THERE:
        return Transient(f"{what}: the topic or partition does not exist; run `mailweir topics apply`")
    return Transient(f"{what}: not acknowledged by the log ({error.str()})", retry_after_s=1.0)


def share(failed: int, size: int) -> str:
    """How much of a call is meant, to begin a sentence with."""
    return "the record" if size == 1 else f"{failed} of {size} records"


def queue_full() -> Transient:
    """The producer's queue had no room."""
    return Transient("the queue to the log is full; the broker is slower than the senders", retry_after_s=1.0)


def no_answer(size: int) -> Transient:
    """Not even a failure was reported in time."""
    return Transient(f"{share(size, size)}: no answer from the log in time", retry_after_s=1.0)
