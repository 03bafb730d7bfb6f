"""What people do at the console into the log: a producer that exists once there is something to write.

A console that only shows needs no broker, so nothing connects before the first record.
"""

from __future__ import annotations

import asyncio
from typing import Any

from schemas.avro import Codec
from schemas.settings import Settings
from schemas.topics import Topic
from streams.environment import codec
from streams.kafka import LogProducer

CONNECT_S = 5.0  # a person waits; a broker on the same network answers in milliseconds


class LateLog:
    """Appends records to one topic. For one event loop."""

    def __init__(self, of: Settings, topic: Topic) -> None:
        self._of = of
        self._topic = topic.name
        self._opened: tuple[LogProducer, Codec] | None = None
        self._opening = asyncio.Lock()

    async def append(self, record: Any, key: str) -> None:
        """Write it; return once the broker has it. Raises Transient: say it again, the id makes that harmless."""
        producer, encode = await self._open()
        await producer.send(self._topic, encode.encode(record), key.encode())

    def close(self) -> None:
        """Give the connection back, if there is one. Blocks."""
        if self._opened is not None:
            self._opened[0].close(CONNECT_S)

    async def _open(self) -> tuple[LogProducer, Codec]:
        async with self._opening:
            if self._opened is None:
                wire = await asyncio.to_thread(codec, self._of)  # may ask a registry
                self._opened = LogProducer(self._of.kafka), wire
        await self._opened[0].warm_up(CONNECT_S, [self._topic])
        return self._opened
