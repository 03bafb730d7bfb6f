"""Fan-out of live panels: one message, many viewers, no queue that can grow.

A mailbox holds the newest message per topic and nothing else, so a viewer that reads slowly skips what is
out of date instead of piling it up. The number of viewers is capped. Everything runs on one event loop.

A message is compressed once, for all: as deflate blocks (RFC 1951) that refer to nothing before them and end on a
byte, so any sequence of messages behind `GZIP_HEAD` is a gzip stream (RFC 1952) that has not ended yet.
"""

from __future__ import annotations

import asyncio
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

MAX_VIEWERS = 500  # 200 viewers cost about a tenth of a core; beyond this the page should come from a proxy
GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time, unknown system
_RAW_DEFLATE, _LEVEL = -15, 3  # half the time of level 6, for a tenth more bytes


class HouseFullError(Exception):
    """As many viewers watch as the console allows."""


@dataclass(frozen=True)
class Message:
    """One server-sent event, already encoded; `number` rises with every message of this hub."""

    topic: str
    number: int
    frame: bytes

    @cached_property
    def packed(self) -> bytes:
        """The frame as deflate blocks that may follow any others."""
        return packed(self.frame)


def packed(text: bytes) -> bytes:
    """A piece of an open gzip stream."""
    deflate = zlib.compressobj(_LEVEL, wbits=_RAW_DEFLATE)
    return deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH)


class Mailbox:
    """What one viewer has yet to be sent: at most one message per topic."""

    def __init__(self) -> None:
        self._waiting: dict[str, Message] = {}
        self._arrived = asyncio.Event()
        self._is_closed = False

    def put(self, message: Message) -> None:
        """Replace the topic's message, sent or not."""
        self._waiting[message.topic] = message
        self._arrived.set()

    def close(self) -> None:
        """Nothing more will come: `take` returns at once."""
        self._is_closed = True
        self._arrived.set()

    async def take(self) -> list[Message]:
        """Everything that waits, oldest first; waits for at least one. Empty when closed."""
        if self._is_closed:
            return []
        await self._arrived.wait()
        self._arrived.clear()
        taken, self._waiting = self._waiting, {}
        return sorted(taken.values(), key=lambda message: message.number)

    def __len__(self) -> int:
        return len(self._waiting)


class Hub:
    """The newest message of every topic, and the viewers to tell."""

    def __init__(self, max_viewers: int = MAX_VIEWERS) -> None:
        self._newest: dict[str, Message] = {}
        self._viewers: set[Mailbox] = set()
        self._max_viewers = max_viewers
        self._watched = asyncio.Event()
        self._boot = secrets.token_hex(4)  # numbers start again with the process, ids must not
        self._number = 0

    @property
    def viewers(self) -> int:
        """How many watch now."""
        return len(self._viewers)

    def publish(self, topic: str, data: bytes, *, is_kept: bool = True) -> None:
        """Send `data` (JSON on one line) to every viewer and, if kept, to those who come later."""
        self._number += 1
        head = f"id: {self._boot}-{self._number}\n" if is_kept else ""
        message = Message(topic, self._number, f"{head}event: {topic}\ndata: ".encode() + data + b"\n\n")
        if is_kept:
            self._newest[topic] = message
        for mailbox in self._viewers:
            mailbox.put(message)

    def tell(self, mailbox: Mailbox, topic: str, data: bytes) -> None:
        """Send `data` to one viewer before all that waits for them; their next message of the topic replaces it."""
        mailbox.put(Message(topic, 0, f"event: {topic}\ndata: ".encode() + data + b"\n\n"))

    @contextmanager
    def join(self, last_event_id: str = "") -> Iterator[Mailbox]:
        """A mailbox with all that is newer than `last_event_id`. Raises HouseFullError."""
        if len(self._viewers) >= self._max_viewers:
            raise HouseFullError(f"{self._max_viewers} viewers already watch; close a tab or try again in a minute")
        mailbox, seen = Mailbox(), self._seen(last_event_id)
        for message in self._newest.values():
            if message.number > seen:
                mailbox.put(message)
        self._viewers.add(mailbox)
        self._watched.set()
        try:
            yield mailbox
        finally:
            self._viewers.discard(mailbox)
            if not self._viewers:
                self._watched.clear()

    def close(self) -> None:
        """End every viewer's stream; their pages connect again by themselves."""
        for mailbox in self._viewers:
            mailbox.close()

    async def watched(self) -> None:
        """Return as soon as somebody watches."""
        await self._watched.wait()

    def _seen(self, last_event_id: str) -> int:
        boot, _, number = last_event_id.partition("-")
        return int(number) if boot == self._boot and number.isdecimal() else 0
