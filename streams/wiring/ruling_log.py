"""People's words on decisions into the log."""

from __future__ import annotations

from schemas.remediation import Ruling
from schemas.settings import Settings
from schemas.topics import RULINGS
from streams.wiring.late_log import LateLog


class RulingLog:
    """Appends rulings to their topic. For one event loop."""

    def __init__(self, of: Settings) -> None:
        self._log = LateLog(of, RULINGS)
        self.close = self._log.close

    async def append(self, ruling: Ruling) -> None:
        """Write it; return once the broker has it. Raises Transient: say it again, the id makes that harmless."""
        await self._log.append(ruling, ruling.ruling_id)
