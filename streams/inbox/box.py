"""A mailbox that is asked for its mails from time to time, and the loop that asks.

A mail is read, kept, then marked: in that order, one at a time, so that at most one is kept twice by a crash. What
can never be kept (too large) is put aside where a person finds it, and the others go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Protocol

from schemas.errors import Permanent, Transient
from streams.inbox.keeper import Keeper

LOG = logging.getLogger(__name__)
_LONGEST_WAIT_S = 300.0  # between two tries of a mailbox that cannot be read


class Box(Protocol):
    """One mailbox. Methods block and run in a thread, one at a time; each raises Transient when it is not reachable."""

    def waiting(self) -> Sequence[str]:
        """Names of mails that were not kept yet, oldest first; some of them, if they are many."""

    def read(self, name: str, limit: int) -> bytes:
        """The mail's bytes, more than `limit` of them if it has more (not necessarily all)."""

    def done(self, name: str) -> None:
        """The mail is kept: `waiting` shall not name it again."""

    def put_aside(self, name: str) -> None:
        """The mail can never be kept: `waiting` shall not name it again, and a person shall see it."""

    def close(self) -> None:
        """Let go of connections; the next call opens them again."""


async def watch(box: Box, keeper: Keeper, stop: asyncio.Event) -> None:
    """Empty the mailbox again and again until `stop`."""
    every_s = wait_s = keeper.source.inbox.poll_s
    troubled: set[str] = set()
    while not stop.is_set():
        try:
            has_more = await empty(box, keeper, stop, troubled)
            wait_s = 0.0 if has_more else every_s
        except Transient as error:
            keeper.metrics.failures.labels(keeper.source.name).inc()
            LOG.warning("source %s: %s; trying again", keeper.source.name, error)
            await asyncio.to_thread(box.close)
            wait_s = min(max(wait_s * 2, every_s), _LONGEST_WAIT_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s)
    await asyncio.to_thread(box.close)


async def empty(box: Box, keeper: Keeper, stop: asyncio.Event, troubled: set[str]) -> bool:
    """Keep what is waiting now; whether there was anything. Raises Transient.

    `troubled`: mails at which earlier rounds broke off; their turn comes last, so that they cost no other mail.
    """
    names = await asyncio.to_thread(box.waiting)
    troubled.intersection_update(names)
    for name in sorted(names, key=troubled.__contains__):
        if stop.is_set():
            break
        troubled.add(name)
        mail = await asyncio.to_thread(box.read, name, keeper.max_mail_bytes)
        try:
            await keeper.keep(mail)
        except Permanent as error:
            LOG.error("source %s: a mail was put aside: %s", keeper.source.name, error)  # noqa: TRY400 - no defect of ours
            await asyncio.to_thread(box.put_aside, name)
        else:
            await asyncio.to_thread(box.done, name)
        troubled.discard(name)
    if names:
        LOG.info("source %s: %d mails read", keeper.source.name, len(names))
    return bool(names)
