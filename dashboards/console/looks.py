"""Writes down who looks at a recipient. No record, no look: while the log is away the answer is 503."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from schemas.access import ConsoleAccess, Part, access
from schemas.errors import Transient

Note = Callable[[ConsoleAccess], Awaitable[None]]
"""Writes a look to the log; returns once the broker has it. Raises Transient."""


@dataclass(frozen=True, slots=True)
class Looks:
    """`note` is None where the console has no log. `clock_ms`: wall time."""

    note: Note | None
    clock_ms: Callable[[], int]

    async def write(self, tenant: str, recipient_key: str, part: Part, who: str, why: str) -> None:
        """Return once it is in the log. Raises RefusedError (422), Transient."""
        record = access(tenant, recipient_key, part, who, why, self.clock_ms())
        if self.note is None:
            raise Transient(
                "this console has no Kafka to write to, and no recipient is shown unless it is written down who looked;"
                " start it with `mailweir console` and MAILWEIR_KAFKA"
            )
        try:
            await self.note(record)
        except Transient as error:
            raise Transient(
                f"nobody is shown while it cannot be written down who looked: {error}", error.retry_after_s
            ) from error
