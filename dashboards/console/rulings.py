"""Takes people's words on decisions: looks where the decision stands, writes the ruling, answers a repeat alike.

The store learns of a ruling a second after the log has it; until then this process remembers what it wrote. Of two
consoles that take contrary words within that second, both are written, and the first in the log counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from dashboards.console.metrics import RulingMetrics
from dashboards.console.store import Store
from dashboards.decisions import FOREVER_MS, ruled, standing
from dashboards.queries import query
from schemas.errors import Transient
from schemas.remediation import Ruling, Verb
from schemas.rulings import RefusedError, rule, ruling_id

Append = Callable[[Ruling], Awaitable[None]]
"""Writes a ruling to the log; returns once the broker has it. Raises Transient."""

_REMEMBERED = 1_000  # rulings of a second would do; people are slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What somebody says to a decision. `key`: the caller's Idempotency-Key, "" without one."""

    decision_id: str
    verb: Verb
    who: str
    why: str
    key: str = ""


class Rulings:
    """The console's side of approvals; `append` is None where the console has no log."""

    def __init__(
        self, store: Store, append: Append | None, clock_ms: Callable[[], int], metrics: RulingMetrics
    ) -> None:
        self._store = store
        self._append = append
        self._clock_ms = clock_ms
        self._metrics = metrics
        self._written: OrderedDict[str, Ruling] = OrderedDict()
        self._under_way: set[str] = set()

    async def row(self, decision_id: str) -> dict[str, Any]:
        """The decision's row with what was said to it, up to this moment. Raises RefusedError (404), Transient."""
        named = query("decisions")
        given = {"id": decision_id, "limit": "1", "from_ms": "0", "to_ms": str(FOREVER_MS)}
        found = (await self._store.run(named, named.bind(given))).records() if decision_id else []
        if not found:
            raise RefusedError(404, f"there is no decision {decision_id[:64]!r}")
        return self.current(found[0])

    def current(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row with the ruling that the store may not know yet."""
        written = self._written.get(str(row["decision_id"]))
        return ruled(row, written) if written else row

    async def take(self, word: Word) -> tuple[Ruling, bool]:
        """Write the ruling; it, and whether it was written before. Raises RefusedError, Transient."""
        try:
            ruling, is_repeat = await self._take(word)
        except RefusedError:
            self._metrics.count(word.verb, "refused")
            raise
        except Transient:
            self._metrics.count(word.verb, "failed")
            raise
        self._metrics.count(word.verb, "repeated" if is_repeat else "taken")
        return ruling, is_repeat

    async def _take(self, word: Word) -> tuple[Ruling, bool]:
        row = await self.row(word.decision_id)
        earlier = _earlier(row, word)
        if earlier is not None:
            return earlier, True
        ruling = rule(standing(row), word.verb, word.who, word.why, self._clock_ms(), word.key)
        if self._append is None:
            raise Transient("this console has no log to write to; start it with `mailweir console`")
        if word.decision_id in self._under_way:
            raise RefusedError(409, "somebody else is ruling on the decision at this moment; look again")
        self._under_way.add(word.decision_id)
        try:
            await self._append(ruling)
        finally:
            self._under_way.discard(word.decision_id)
        self._written[word.decision_id] = ruling
        if len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)
        return ruling, False


def _earlier(row: dict[str, Any], word: Word) -> Ruling | None:
    """The ruling that this very call wrote before, by its Idempotency-Key. Raises RefusedError on other words."""
    wanted = ruling_id(standing(row), word.verb, word.key)
    if not word.key or wanted not in row["ruling_ids"]:
        return None
    at = row["ruling_ids"].index(wanted)
    earlier = Ruling(
        ruling_id=wanted,
        tenant=row["tenant"],
        decision_id=row["decision_id"],
        verb=word.verb,
        who=row["ruling_people"][at],
        why=row["ruling_reasons"][at],
        ruled_at=row["ruling_times"][at],
    )
    if (earlier.who, earlier.why) != (" ".join(word.who.split()), word.why.strip()):
        raise RefusedError(422, "the Idempotency-Key was used before with another who or why; use a new one")
    return earlier
