"""People's words into the log: a producer that exists once somebody has said something.

A console that only shows needs no broker, so nothing connects before the first ruling.
"""

from __future__ import annotations

import asyncio

from schemas.avro import Codec
from schemas.remediation import Ruling
from schemas.settings import Settings
from schemas.topics import RULINGS
from streams.environment import codec
from streams.kafka import LogProducer

CONNECT_S = 5.0  # a person waits; a broker on the same network answers in milliseconds


class RulingLog:
    """Appends rulings to their topic. For one event loop."""

    def __init__(self, of: Settings) -> None:
        self._of = of
        self._opened: tuple[LogProducer, Codec] | None = None
        self._opening = asyncio.Lock()

    async def append(self, ruling: Ruling) -> None:
        """Write it; return once the broker has it. Raises Transient: say it again, the id makes that harmless."""
        producer, encode = await self._open()
        await producer.send(RULINGS.name, encode.encode(ruling), ruling.ruling_id.encode())

    def close(self) -> None:
        """Give the connection back, if there is one. Blocks."""
        if self._opened is not None:
            self._opened[0].close(CONNECT_S)

    async def _open(self) -> tuple[LogProducer, Codec]:
        async with self._opening:
            if self._opened is None:
                wire = await asyncio.to_thread(codec, self._of)  # may ask a registry
                self._opened = LogProducer(self._of.kafka), wire
        await self._opened[0].warm_up(CONNECT_S, [RULINGS.name])
        return self._opened
