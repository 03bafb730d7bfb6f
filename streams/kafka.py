"""The shared way into the log: one producer whose `send` returns only what the broker acknowledged.

`LogProducer` wraps librdkafka's idempotent producer (acks from all replicas, no duplicates by its own
retries) for asyncio and for threads: one future per call, however many records it carries, completed from
one poll thread. Every wait and buffer is bounded: a record that is not acknowledged within the timeout is
given up and reported as `Transient`, and the queue has a size, so a broker that is away costs no memory.
An instance that a broker with a lost memory refuses (librdkafka ends it, or bumps its epoch for ever) is
replaced by a new one.

Method: librdkafka's INTRODUCTION.md (idempotent producer, fatal errors).
Records are produced one by one: `produce_batch` drops headers (confluent-kafka-python issue 2320).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaException, Producer

from schemas.errors import Transient
from schemas.topics import MAX_MESSAGE_BYTES
from streams.bell import Bell
from streams.broker_state import STATS_MS, BrokerState
from streams.delivery import (
    QUEUE_PAUSE_S,
    Headers,
    OnDelivery,
    Position,
    Raw,
    Receipt,
    Record,
    Sending,
    as_error,
    no_answer,
    queue_full,
    share,
)
from streams.topics import BACK_SOON, apply_topics, text_of

__all__ = ["LogProducer", "Record", "apply_topics"]

LOG = logging.getLogger(__name__)
_QUEUE_KBYTES = 64 * 1024  # more than one largest message, less than a small container has
_QUEUE_MESSAGES = 100_000
_YIELD_EVERY = 500  # records produced (about 5 ms) before other tasks get their turn
_SLACK_S = 1.5  # librdkafka looks for expired messages once a second


class LogProducer:
    """Appends records to Kafka and waits for the acknowledgement. Safe for any number of tasks and threads.

    `ack_timeout_s`: how long one record may wait for its acknowledgement before it is given up.
    Nothing connects on construction except a background attempt; `warm_up` says when sends are quick.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        ack_timeout_s: float = 8.0,
        linger_ms: float = 5.0,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        max_queue_kbytes: int = _QUEUE_KBYTES,
        max_queue_messages: int = _QUEUE_MESSAGES,
    ) -> None:
        self._bootstrap = bootstrap
        self._ack_timeout_s = ack_timeout_s
        self._state = BrokerState(bootstrap)
        self._settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": linger_ms,
            "delivery.timeout.ms": max(int(ack_timeout_s * 1000), int(linger_ms) + 1),
            "partitioner": "murmur2_random",  # where Java clients and Faust put the same key
            "message.max.bytes": max_message_bytes,
            "queue.buffering.max.kbytes": max(max_queue_kbytes, max_message_bytes // 1024 + 1),
            "queue.buffering.max.messages": max_queue_messages,
            **BACK_SOON,
            "statistics.interval.ms": STATS_MS,
            "log_level": 2,
            "logger": _silent(),
            "stats_cb": self._state.on_stats,
            "error_cb": self._state.on_error,
        }
        self._last_bell: Bell | None = None  # of the loop that sent last
        self._is_closed = threading.Event()
        self._producer = Producer(self._settings)
        self._poller = threading.Thread(target=self._poll, name="log-producer", daemon=True)
        self._poller.start()

    async def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        partition: int = -1,
        headers: Headers = (),
    ) -> Position:
        """Append one record; its (partition, offset) once all in-sync replicas have it.

        Raises Transient when it was not acknowledged in time or the queue is full (it may still arrive:
        readers drop duplicates by id), Permanent when it is larger than the log takes.
        """
        bell = self._bell()
        done = bell.loop.create_future()
        receipt = Receipt(1, partial(bell.ring, done))
        if not self._offer(Record(topic, value, key, partition, headers), partial(receipt.report, 0)):
            raise queue_full()
        return (await self._reported(receipt, bell, done, 1))[0]

    async def send_all(self, records: Sequence[Record]) -> list[Position]:
        """Append all records; their (partition, offset) in order. Waits for room in a full queue.

        Raises as `send` does, for all records together; repeat the whole call.
        """
        if not records:
            return []
        bell = self._bell()
        done = bell.loop.create_future()
        receipt = Receipt(len(records), partial(bell.ring, done))
        deadline = bell.loop.time() + self._ack_timeout_s
        for index, record in enumerate(records):
            while not self._offer(record, partial(receipt.report, index)):
                if bell.loop.time() >= deadline:
                    raise queue_full()
                await asyncio.sleep(QUEUE_PAUSE_S)
            if index % _YIELD_EVERY == _YIELD_EVERY - 1:
                await asyncio.sleep(0)
        return await self._reported(receipt, bell, done, len(records))

    def produce_all(self, records: Sequence[Record]) -> list[Position]:
        """`send_all` for a thread: blocks until everything is acknowledged or the timeout has passed."""
        return self.start(records)()

    def start(self, records: Sequence[Record]) -> Callable[[], list[Position]]:
        """The first half of `produce_all`: queue everything. What is returned waits, and is called once."""
        done = threading.Event()
        receipt = Receipt(len(records), done.set)
        deadline = time.monotonic() + self._ack_timeout_s
        for index, record in enumerate(records):
            while not self._offer(record, partial(receipt.report, index)):
                if time.monotonic() >= deadline:
                    raise queue_full()
                time.sleep(QUEUE_PAUSE_S)

        def wait() -> list[Position]:
            if records and not done.wait(self._ack_timeout_s + _SLACK_S):
                raise no_answer(len(records))
            return self._positions(receipt)

        return wait

    async def warm_up(self, timeout_s: float, topics: Sequence[str] = ()) -> None:
        """Connect, learn the topics' partitions, and have a producer id, which a first send waits for.

        Writes nothing. Raises Transient when the broker cannot be reached in `timeout_s` seconds or has
        not all of `topics`. May be called again.
        """
        end = time.monotonic() + timeout_s
        try:
            found = await asyncio.to_thread(self._producer.list_topics, timeout=timeout_s)
        except KafkaException as error:
            raise Transient(f"no Kafka broker answers at {self._bootstrap} ({text_of(error)})", 1.0) from None
        missing = [topic for topic in topics if topic not in found.topics]
        if missing:
            raise Transient(f"the log at {self._bootstrap} has no topic {missing[0]}; run `mailweir topics apply`", 1.0)
        if not await asyncio.to_thread(self._state.has_id.wait, max(0.0, end - time.monotonic())):
            raise Transient(f"the broker at {self._bootstrap} gave no producer id in {timeout_s:g} s", 1.0)

    def is_available(self) -> bool:
        """False while records cannot be sent: no broker for some seconds, or no producer id yet."""
        return self._state.is_up() and not self._is_closed.is_set()

    @property
    def last_error(self) -> str:
        """What is or was last wrong with the log, for people; "" if nothing ever was."""
        return self._state.last_error

    @property
    def queued(self) -> int:
        """Records that wait for their acknowledgement, in this producer's queue and on the wire."""
        return len(self._producer)

    def close(self, timeout_s: float | None = None) -> int:
        """Wait for what is queued, at most `timeout_s` (default: the ack timeout); how many were left."""
        self._is_closed.set()
        self._poller.join()
        self._flush(self._producer, self._ack_timeout_s if timeout_s is None else timeout_s)
        left = len(self._producer)
        if left:
            LOG.error("closing with %d records unacknowledged at %s; their senders were told so", left, self._bootstrap)
            self._drop(self._producer)
        return left

    def begin(self) -> Sending:
        """A call whose records are handed over in parts; only on an event loop."""
        return Sending(self, self._bell())

    def offer(self, topic: str, pairs: Sequence[Raw], start: int, on_delivery: OnDelivery, partition: int = -1) -> int:
        """Queue pairs from `start` on; up to where the queue had room. Raises as `send` does."""
        produce, index = self._producer.produce, start
        try:
            for index in range(start, len(pairs)):
                value, key = pairs[index]
                produce(topic, value, key, partition, on_delivery)
        except BufferError:
            return index
        except KafkaException as error:
            raise as_error(error.args[0], share(1, 1)) from None
        return len(pairs)

    def acknowledged(self) -> None:
        """Note that the broker has acknowledged something: this producer's id is good."""
        self._state.acknowledged()

    def _bell(self) -> Bell:
        loop = asyncio.get_running_loop()
        if self._last_bell is None or self._last_bell.loop is not loop:
            self._last_bell = Bell(loop, self._ack_timeout_s + _SLACK_S)
        return self._last_bell

    async def _reported(self, receipt: Receipt, bell: Bell, done: asyncio.Future[None], size: int) -> list[Position]:
        bell.expect(done)
        try:
            await done
        except TimeoutError:
            raise no_answer(size) from None
        return self._positions(receipt)

    def _positions(self, receipt: Receipt) -> list[Position]:
        positions = receipt.positions()
        self.acknowledged()
        return positions

    def _offer(self, record: Record, on_delivery: OnDelivery) -> bool:
        """Queue one record; False when the queue is full."""
        topic, value, key, partition, headers = record
        try:
            self._producer.produce(
                topic, value, key, partition, on_delivery=on_delivery, headers=list(headers) if headers else None
            )
        except BufferError:
            return False
        except KafkaException as error:
            raise as_error(error.args[0], share(1, 1)) from None
        return True

    def _poll(self) -> None:
        while not self._is_closed.is_set():
            try:
                self._producer.poll(0.1)
            except KafkaException as error:  # only fatal errors come this way, past `error_cb`
                self._state.ended(text_of(error))
            if self._state.is_futile:
                self._renew()

    def _renew(self) -> None:
        """Replace an instance that librdkafka has ended; what it still held is reported as failed."""
        LOG.warning("the producer for %s ended (%s); a new one takes over", self._bootstrap, self._state.last_error)
        ended, self._producer = self._producer, Producer(self._settings)
        self._drop(ended)
        self._state.renewed()

    def _drop(self, producer: Producer) -> None:
        producer.purge()
        self._flush(producer, 1.0)

    def _flush(self, producer: Producer, timeout_s: float) -> None:
        with contextlib.suppress(KafkaException):  # a fatal error, once more; every record has its report
            producer.flush(timeout_s)


def _silent() -> logging.Logger:
    """librdkafka reports every failed attempt to connect; `BrokerState` and `_renew` log each change once."""
    logger = logging.getLogger(f"{__name__}.librdkafka")
    logger.disabled = True
    return logger
