"""The rules in force: read again when their files have changed, without a restart.

What is wrong changes nothing: the rules stay as they were, and the log says what to mend, once for each change.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Mapping

from schemas.errors import Misconfigured
from streams.core.segments.program import Program

log = logging.getLogger(__name__)
Programs = Mapping[str, Program]


class RuleSet:
    """`programs`: of each tenant, another object whenever they are others. `is_current`: they are those of the files.

    `load` reads the rules and raises Misconfigured; `stamp` is equal while their files are the same. Both block, and
    are called in a thread after the start.
    """

    def __init__(self, load: Callable[[], Programs], stamp: Callable[[], Hashable]) -> None:
        self._load, self._stamp = load, stamp
        self._seen = stamp()  # before the rules: what changes meanwhile is seen at the next look
        self.programs, self.is_current = load(), True

    async def look(self) -> None:
        """Take changed files in."""
        stamp = await asyncio.to_thread(self._stamp)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            programs = await asyncio.to_thread(self._load)
        except Misconfigured as error:
            log.error("the segments stay as they were: %s", error)  # noqa: TRY400 - no defect of ours
            self.is_current = False
            return
        if _codes(programs) != _codes(self.programs):
            self.programs = programs
            log.info("other segments: %d", sum(len(each.segments) for each in programs.values()))
        self.is_current = True


def _codes(programs: Programs) -> dict[str, bytes]:
    return {tenant: program.code for tenant, program in programs.items()}
