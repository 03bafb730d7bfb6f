"""Who looked at a recipient, into the log: before the console answers."""

from __future__ import annotations

from schemas.access import ConsoleAccess
from schemas.settings import Settings
from schemas.topics import CONSOLE_ACCESS
from streams.wiring.late_log import LateLog


class AccessLog:
    """Appends looks to their topic. For one event loop."""

    def __init__(self, of: Settings) -> None:
        self._log = LateLog(of, CONSOLE_ACCESS)
        self.close = self._log.close

    async def append(self, access: ConsoleAccess) -> None:
        """Write it; return once the broker has it. Raises Transient: the look must wait."""
        await self._log.append(access, access.access_id)
