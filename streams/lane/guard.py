"""The only place that decides what happens after an exception: try apart, dead-letter, retry or stop.

Faust acknowledges an event whose agent raised, so no exception may leave an agent's loop. `apart` finds
the record that a whole batch failed on, so one poison record costs one dead letter. `persist` waits for
what can succeed later, within a bound. Everything else stops the worker with its position unsaved: the
supervisor starts it again and the same records are read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from schemas.errors import Transient

log = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE_S = 60.0  # a broker's restart takes seconds; after a minute a fresh process is the better try
_LONGEST_WAIT_S = 5.0


def apart(
    items: Sequence[Item], work: Callable[[Sequence[Item]], Result]
) -> tuple[list[tuple[list[int], Result]], dict[int, Exception]]:
    """`work` on all items at once; if that raises, on each alone.

    Returns the results with the positions they cover, and the exception of each position that raised
    alone. `work` must not keep anything of a call that raised.
    """
    try:
        return [(list(range(len(items))), work(items))], {}
    except Exception as error:  # noqa: BLE001 - whatever a core function raises is about one of the records
        log.warning("a batch of %d failed (%s), taking its records one by one", len(items), type(error).__name__)
    results: list[tuple[list[int], Result]] = []
    poison: dict[int, Exception] = {}
    for position in range(len(items)):
        try:
            results.append(([position], work(items[position : position + 1])))
        except Exception as error:  # noqa: BLE001 - as above
            poison[position] = error
    return results, poison


async def persist(
    what: str,
    attempt: Callable[[], Awaitable[Result]],
    *,
    patience_s: float = PATIENCE_S,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Result:
    """Repeat `attempt` while it raises Transient, at most `patience_s` of waiting; then let it out."""
    waited, wait = 0.0, 0.1
    while True:
        try:
            return await attempt()
        except Transient as error:
            pause = min(error.retry_after_s or wait, _LONGEST_WAIT_S)
            if waited + pause > patience_s:
                raise
            log.warning("%s: %s; trying again in %.1f s", what, error, pause)
            await sleep(pause)
            waited, wait = waited + pause, wait * 2
