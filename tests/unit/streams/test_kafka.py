"""The producer without a broker: everything it does is bounded. With brokers: tests/integration/test_gateway.py."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from schemas.errors import FailureCode, Permanent, Transient
from streams.kafka import LogProducer, Record, apply_topics
from streams.local import ports

ACK_S = 0.4
BOUND_S = 60.0  # for a busy machine; without the limit librdkafka goes on for 300 s


@pytest.fixture
def nowhere() -> str:
    return f"{ports.LOOPBACK}:{ports.free_port(0)}"


@pytest.fixture
def log(nowhere: str) -> Iterator[LogProducer]:
    producer = LogProducer(nowhere, ack_timeout_s=ACK_S, max_queue_messages=10)
    yield producer
    producer.close(0.0)


async def test_a_record_that_nobody_acknowledges_is_given_up_in_time(log: LogProducer) -> None:
    started = time.monotonic()
    with pytest.raises(Transient, match=r"not acknowledged|no answer"):
        await log.send("t", b"x")
    assert ACK_S <= time.monotonic() - started < BOUND_S


async def test_the_queue_is_bounded_and_says_so_at_once(log: LogProducer) -> None:
    async def send() -> str:
        with pytest.raises(Transient) as caught:
            await log.send("t", b"x")
        return str(caught.value)

    sends = [asyncio.create_task(send()) for _ in range(50)]
    async with asyncio.timeout(BOUND_S):
        said = [await task for task in sends]
    assert sum("queue to the log is full" in text for text in said) == 40
    async with asyncio.timeout(BOUND_S):
        while log.queued:  # noqa: ASYNC110 - librdkafka drops what has expired in its own time
            await asyncio.sleep(0.02)


async def test_a_batch_larger_than_the_queue_waits_for_room_and_then_gives_up(log: LogProducer) -> None:
    started = time.monotonic()
    with pytest.raises(Transient, match="queue to the log is full"):
        await log.send_all([Record("t", b"x")] * 11)
    assert ACK_S <= time.monotonic() - started < BOUND_S


def test_a_thread_gets_the_same_answer(log: LogProducer) -> None:
    with pytest.raises(Transient, match="3 of 3 records: not acknowledged"):
        log.produce_all([Record("t", b"x")] * 3)
    with pytest.raises(Transient, match="queue to the log is full"):
        log.produce_all([Record("t", b"x")] * 11)


async def test_a_record_larger_than_the_log_takes_is_permanent(nowhere: str) -> None:
    log = LogProducer(nowhere, max_message_bytes=2000)
    with pytest.raises(Permanent) as caught:
        await log.send("t", b"x" * 3000)
    log.close(0.0)
    assert caught.value.code == FailureCode.BODY_TOO_LARGE


async def test_a_call_in_parts_is_given_up_in_time_and_says_how_much_failed(log: LogProducer) -> None:
    started = time.monotonic()
    sending = log.begin()
    await sending.add("t", [(b"x", b"k")] * 2)
    await sending.add("t", [(b"y", b"k")])
    with pytest.raises(Transient, match="3 of 3 records: not acknowledged"):
        await sending.finish()
    assert ACK_S <= time.monotonic() - started < BOUND_S


async def test_a_call_in_parts_waits_for_room_in_the_queue_and_then_gives_up(log: LogProducer) -> None:
    async def send() -> None:
        sending = log.begin()
        await sending.add("t", [(b"x", b"k")] * 30)
        await sending.finish()

    # What is given up makes room for the rest, so it may also be the acknowledgements that fail.
    with pytest.raises(Transient, match=r"queue to the log is full|not acknowledged"):
        await send()


async def test_a_part_larger_than_the_log_takes_is_permanent(nowhere: str) -> None:
    log = LogProducer(nowhere, max_message_bytes=2000)
    with pytest.raises(Permanent) as caught:
        await log.begin().add("t", [(b"x" * 3000, b"k")])
    log.close(0.0)
    assert caught.value.code == FailureCode.BODY_TOO_LARGE


async def test_a_call_without_records_needs_no_broker(log: LogProducer) -> None:
    sending = log.begin()
    await sending.add("t", [])
    await sending.finish()


async def test_nothing_to_send_needs_no_broker(log: LogProducer) -> None:
    assert await log.send_all([]) == []
    assert log.produce_all([]) == []


async def test_it_is_not_available_before_it_was_connected(log: LogProducer, nowhere: str) -> None:
    assert not log.is_available()
    with pytest.raises(Transient, match=f"no Kafka broker answers at {nowhere}"):
        await log.warm_up(0.2)
    assert log.last_error


def test_a_report_after_its_loop_has_ended_does_no_harm(log: LogProducer) -> None:
    async def leave() -> None:
        sending = asyncio.create_task(log.send("t", b"x"))
        await asyncio.sleep(0)
        sending.cancel()

    asyncio.run(leave())
    deadline = time.monotonic() + BOUND_S
    while log.queued:
        assert time.monotonic() < deadline
    with pytest.raises(Transient):  # the poll thread is alive: this is reported too
        log.produce_all([Record("t", b"x")])


def test_closing_gives_up_what_is_queued_and_says_how_much(nowhere: str, caplog: pytest.LogCaptureFixture) -> None:
    async def leave(log: LogProducer) -> None:
        sending = asyncio.create_task(log.send("t", b"x"))
        await asyncio.sleep(0)
        sending.cancel()

    log = LogProducer(nowhere, ack_timeout_s=30)
    asyncio.run(leave(log))
    started = time.monotonic()
    assert log.close(0.1) == 1
    assert time.monotonic() - started < BOUND_S
    assert log.queued == 0
    assert "closing with 1 records unacknowledged" in caplog.text


def test_applying_topics_without_a_broker_says_what_to_do(nowhere: str) -> None:
    with pytest.raises(Transient, match="start it or set MAILWEIR_KAFKA"):
        apply_topics(nowhere, 1, 1, timeout_s=0.3)
