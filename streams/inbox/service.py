"""The inbox service: one task per mailbox, one listener per LMTP address, until it is told to stop.

Mailboxes are independent: one that cannot be read is tried again while the others go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from schemas.config import Config, Inbox
from schemas.errors import Misconfigured
from streams.inbox.box import Box, watch
from streams.inbox.imap import ImapFolder
from streams.inbox.keeper import Keeper
from streams.inbox.lmtp import LmtpServer
from streams.inbox.maildir import Maildir

LOG = logging.getLogger(__name__)


def keepers_of(config: Config, make: Callable[..., Keeper]) -> list[Keeper]:
    """One for every source with an inbox. Raises Misconfigured when there is none."""
    found = [make(source=source) for source in config.sources if source.inbox.kind != "none"]
    if not found:
        raise Misconfigured("no source has an `inbox`, so there is nothing to read; see docs/inbox.md")
    return found


def box_of(of: Inbox) -> Box:
    """The mailbox that the configuration means."""
    return Maildir(Path(of.path)) if of.kind == "maildir" else ImapFolder(of)


async def serve(keepers: Sequence[Keeper], stop: asyncio.Event) -> None:
    """Read and listen until `stop`. Raises Misconfigured when an address cannot be had."""
    servers = [LmtpServer(keeper) for keeper in keepers if keeper.source.inbox.kind == "lmtp"]
    async with contextlib.AsyncExitStack() as stack:
        for server in servers:
            stack.push_async_callback(server.close)
            await _listen(server)
        async with asyncio.TaskGroup() as group:
            for keeper in keepers:
                if keeper.source.inbox.kind != "lmtp":
                    group.create_task(watch(box_of(keeper.source.inbox), keeper, stop))
            LOG.info("reading %d inboxes", len(keepers))
            await stop.wait()


async def _listen(server: LmtpServer) -> None:
    try:
        await server.open()
    except OSError as error:
        raise Misconfigured(f"an LMTP address of the configuration cannot be had: {error}") from None
