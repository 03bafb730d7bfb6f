"""The relay: the same bytes under the same key in the partition with the same number, ticks and tombstones too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import pytest

from schemas.aggregates import Tick
from schemas.avro import Codec
from schemas.errors import Transient
from schemas.topics import RECIPIENT_EVENTS
from streams.agents.abreast import Abreast
from streams.agents.relay import Relay
from streams.delivery import Raw
from streams.kafka import LogProducer
from streams.lane.part import Batch, Part

CODEC = Codec()


class Log:
    """Remembers what is sent; the first `refusals` calls are refused at their end."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.calls: list[list[tuple[str, Raw, int]]] = []

    def begin(self) -> Log:
        self.calls.append([])
        return self

    async def add(self, topic: str, pairs: Sequence[Raw], partition: int) -> None:
        self.calls[-1] += [(topic, pair, partition) for pair in pairs]

    async def finish(self) -> None:
        if len(self.calls) <= self.refusals:
            raise Transient("the broker is away", retry_after_s=0.001)


def relay(log: Log, name: str = "a", abreast: Abreast | None = None) -> Relay:
    return Relay(name, RECIPIENT_EVENTS, cast(LogProducer, log), CODEC, abreast or Abreast(lambda: 0.0))


def ticks(*seconds: int) -> Batch[None]:
    """A tick for each, with an event behind it."""
    values: list[bytes | None] = []
    for second in seconds:
        values += [CODEC.encode(Tick(at=1_000 * second, writer="w")), b"event of %d" % second]
    return Batch(
        Part(0, None, fetched=0, next=0), 0, 0, len(values), values, [*range(len(values))], [b""] * len(values)
    )


def batch(count: int) -> Batch[None]:
    values: list[bytes | None] = [b"v%d" % n if n % 5 else None for n in range(count)]
    keys = [b"k%d" % n if n % 3 else b"" for n in range(count)]
    return Batch(Part(7, None, fetched=0, next=0), 0, 0, count, values, list(range(count)), keys)


@pytest.mark.parametrize("refusals", [0, 2])
async def test_records_go_on_as_they_are_in_their_order_until_all_are_acknowledged(refusals: int) -> None:
    log = Log(refusals)
    await relay(log).pass_on(batch(2_500))
    assert len(log.calls) == refusals + 1
    for call in log.calls:
        assert [topic for topic, _, _ in call] == [RECIPIENT_EVENTS.name] * 2_500
        assert {partition for _, _, partition in call} == {7}
        assert [pair for _, pair, _ in call[:4]] == [(None, None), (b"v1", b"k1"), (b"v2", b"k2"), (b"v3", None)]


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not so():  # noqa: ASYNC110 - what others do has no event
            await asyncio.sleep(0)


async def test_who_is_ahead_waits_for_who_is_behind_until_both_are_near() -> None:
    clock = [0.0]
    abreast, log, other = Abreast(lambda: clock[0]), Log(), Log()
    behind = relay(other, "behind", abreast)
    await behind.pass_on(ticks(100))
    ahead = asyncio.create_task(relay(log, "ahead", abreast).pass_on(ticks(100, 104, 200, 300)))
    await until(lambda: len(log.calls) == 1 and len(log.calls[0]) == 4)
    await asyncio.sleep(0.05)  # two looks: that nothing happens has no condition to wait for
    assert len(log.calls[0]) == 4, "what is of 200 waits"
    await behind.pass_on(ticks(198))
    await until(lambda: len(log.calls[0]) == 6)
    clock[0] = 2.0  # the other one has nothing more
    await ahead
    assert [pair for _, pair, _ in log.calls[0]] == [(value, None) for value in ticks(100, 104, 200, 300).values]


async def test_nobody_waits_for_one_that_has_nothing_at_hand_nor_without_ticks() -> None:
    clock = [0.0]
    abreast, log = Abreast(lambda: clock[0]), Log()
    await relay(Log(), "idle", abreast).pass_on(ticks(1))
    clock[0] = 1.5
    await relay(log, "busy", abreast).pass_on(ticks(1_000))
    await relay(log, "without", abreast).pass_on(batch(10))
    assert [len(call) for call in log.calls] == [2, 10]
