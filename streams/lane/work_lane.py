"""A lane for work that takes long and need not be done in order: calls of APIs that may not answer for minutes."""

from __future__ import annotations

from typing import Any

from streams.lane.lane import RelayLane
from streams.lane.part import Batch, Part


class WorkLane(RelayLane):
    """Records are worked on side by side; the position is the oldest one whose work is not done.

    Announce every record of an accepted batch with `begin`, then call `done`; `finished` when its effect is durable.
    What was finished beyond the position is handed over again after a restart.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._working: dict[Part[None], set[int]] = {}

    def begin(self, batch: Batch[None], offset: int) -> None:
        """Work on this record begins."""
        self._working.setdefault(batch.part, set()).add(offset)

    def finished(self, batch: Batch[None], offset: int) -> None:
        """The record's effect is durable."""
        working = self._working[batch.part]
        working.discard(offset)
        if not working:
            del self._working[batch.part]

    async def flush(self, part: Part[None]) -> None:
        """Commit the position."""
        upto = min(self._working.get(part, ()), default=part.next)
        if upto != part.flushed and not part.is_spoiled:
            part.flushed = upto
            self._reader.commit_soon(part.number, upto)
