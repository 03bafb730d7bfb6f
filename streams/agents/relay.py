"""The relay: a topic's records into another topic as they are, each in the partition with the same number.

So two topics become one log, whose order is the order from then on. A position is committed when the broker has
acknowledged all before it; records that a killed relay writes again have the same event ids. Relays stay abreast
(`abreast.py`): a batch goes out in parts of some seconds of log time.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from schemas.aggregates import Tick
from schemas.avro import Codec
from schemas.errors import Permanent
from schemas.topics import Topic
from streams.agents.abreast import STRETCH_MS, Abreast
from streams.delivery import Raw
from streams.kafka import LogProducer
from streams.lane.guard import persist
from streams.lane.lane import RelayLane
from streams.lane.part import Batch

_PATIENCE_S = 60.0  # with a batch; the broker takes a consumer that does not ask for five minutes for dead
_AT_ONCE = 1_000  # records: the event loop is held for 2 ms
Stretch = tuple[int, int, int]
"""Log time in ms, and the places from and up to which it lasts."""


class Relay:
    """Passes batches of one topic on to another."""

    def __init__(self, name: str, topic: Topic, log: LogProducer, codec: Codec, abreast: Abreast) -> None:
        self._name, self._topic, self._log, self._codec, self._abreast = name, topic, log, codec, abreast
        self._at: dict[int, int] = {}  # log time by partition

    async def pass_on(self, batch: Batch[None]) -> None:
        """Write the batch to the topic; returns when all is acknowledged. Raises what `persist` lets out."""
        pairs = [(value, key or None) for value, key in zip(batch.values, batch.keys, strict=True)]
        stretches, until_s = list(self._stretches(batch)), time.monotonic() + _PATIENCE_S

        async def attempt() -> None:
            sending = self._log.begin()
            for at_ms, begin, end in stretches:
                while at_ms and not await self._abreast.turn(self._name, at_ms, until_s):
                    batch.part.handed_at_s = time.monotonic()  # it is not lost
                for start in range(begin, end, _AT_ONCE):
                    part: Sequence[Raw] = pairs[start : min(start + _AT_ONCE, end)]
                    await sending.add(self._topic.name, part, batch.part.number)
            await sending.finish()

        await persist(f"writing to {self._topic.name}", attempt)
        self._abreast.rest(self._name)

    def _stretches(self, batch: Batch[None]) -> Iterator[Stretch]:
        """The batch, cut where a tick is well behind the one before."""
        header, number, begin = self._codec.header(Tick), batch.part.number, 0
        for place, value in enumerate(batch.values):
            if value is None or not value.startswith(header):
                continue
            at_ms, known = self._time_of(value), self._at.get(number, 0)
            if at_ms > known + STRETCH_MS or not known:
                if place > begin:
                    yield known, begin, place
                self._at[number], begin = at_ms, place
        yield self._at.get(number, 0), begin, len(batch.values)

    def _time_of(self, value: bytes) -> int:
        try:
            return self._codec.decode(value, Tick).at
        except Permanent:  # whoever reads it will say so
            return 0


def attach(app: Any, lane: RelayLane, relay: Relay) -> None:
    """Add the agent of a lane with keys to the app."""

    @app.agent(lane.channel, name=lane.settings.group)  # type: ignore[untyped-decorator]  # Faust has no types
    async def pass_on(batches: AsyncIterator[Batch[None]]) -> None:
        async for batch in batches:
            try:
                if lane.accept(batch):
                    await relay.pass_on(batch)
                    lane.done(batch)
            except Exception as error:  # noqa: BLE001 - nothing may leave the loop; the process ends and reads again
                await lane.failed(batch, error)
