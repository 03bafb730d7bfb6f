"""The rules that the files have: read again when these have changed, without a restart.

What is wrong changes nothing: the rules stay as they were, and the log says what to mend, once for each change.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Mapping

from schemas.errors import Misconfigured
from streams.core.segments.announced import Wanted

log = logging.getLogger(__name__)
AllWanted = Mapping[str, Wanted]
"""By tenant."""


class RuleSet:
    """`wanted`: segments and journeys of each tenant. `is_current`: they are those of the files.

    `load` reads the rules and raises Misconfigured; `stamp` is equal while their files are the same. Both block, and
    are called in a thread after the start.
    """

    def __init__(self, load: Callable[[], AllWanted], stamp: Callable[[], Hashable]) -> None:
        self._load, self._stamp = load, stamp
        self._seen = stamp()  # before the rules: what changes meanwhile is seen at the next look
        self.wanted, self.is_current = load(), True

    async def look(self) -> None:
        """Take changed files in."""
        stamp = await asyncio.to_thread(self._stamp)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self.wanted, self.is_current = await asyncio.to_thread(self._load), True
        except Misconfigured as error:
            log.error("the segments stay as they were: %s", error)  # noqa: TRY400 - no defect of ours
            self.is_current = False
