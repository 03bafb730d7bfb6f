"""The delivery reports of one call to the producer, gathered into one answer or one error."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from confluent_kafka import KafkaError, Message

from schemas.errors import FailureCode, Permanent, Transient

Position = tuple[int, int]

_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.RECORD_LIST_TOO_LARGE)
# librdkafka's own codes begin with an underscore and are public all the same.
_NOT_THERE = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)  # noqa: SLF001


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


def as_error(error: KafkaError, what: str) -> Transient | Permanent:
    """A broker's or librdkafka's refusal as one of our errors."""
    code = error.code()
    if code in _TOO_LARGE:
        return Permanent(FailureCode.BODY_TOO_LARGE, f"{what}: larger than the log takes ({error.str()})")
    if code in _NOT_THERE:
        return Transient(f"{what}: the topic or partition does not exist; run `mailweir topics apply`")
    return Transient(f"{what}: not acknowledged by the log ({error.str()})", retry_after_s=1.0)


def wake(loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
    """Complete `done` from another thread."""
    # A report may come after the loop that asked for it has ended; nobody waits then.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(_settle, done)


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


def share(failed: int, size: int) -> str:
    """How much of a call is meant, to begin a sentence with."""
    return "the record" if size == 1 else f"{failed} of {size} records"


def queue_full() -> Transient:
    """The producer's queue had no room."""
    return Transient("the queue to the log is full; the broker is slower than the senders", retry_after_s=1.0)


def no_answer(size: int) -> Transient:
    """Not even a failure was reported in time."""
    return Transient(f"{share(size, size)}: no answer from the log in time", retry_after_s=1.0)
