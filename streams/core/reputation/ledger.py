"""What is known about every key: the newest absolute counts per minute, whatever order they came in.

The ledger is a function of the *set* of partials it was given: order and repetition do not matter, so
a restart that reads the whole topic again arrives at the same scores and no detector state has to be
stored. Each key is judged at its own `as_of`, the highest watermark among its partials, on the minutes
of the 72 hours before it: as long as the pipeline accepts late events and the topic keeps minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.aggregates import KeyKind, ReputationPartial
from streams.core.reputation.series import COLUMN, HOUR_MS, KEPT_MS, MINUTE_MS, Ints, Series, horizon

IDLE_MS = KEPT_MS + 24 * HOUR_MS  # a day of slack for partitions that lag behind the others

# Narrow keys first: a shared key's trouble is explained by the narrow key that causes it, so that one
# must be judged before.
_BREADTH = {
    kind: place
    for place, kind in enumerate((
        KeyKind.CAMPAIGN, KeyKind.CAMPAIGN_PROVIDER, KeyKind.IP_PROVIDER, KeyKind.DOMAIN_PROVIDER, KeyKind.IP,
        KeyKind.IP_POOL, KeyKind.DOMAIN, KeyKind.PROVIDER, KeyKind.TENANT,
    ))
}  # fmt: skip


class Key(NamedTuple):
    """Whose reputation: `kind` is a KeyKind's text, `key` as in the partials."""

    tenant: str
    kind: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """One key as the detectors see it; times in ms since the epoch.

    `minutes` rises; `counts` has one row per minute and one column per field of `Counts`. `version`
    rises with every counted event: the second of `as_of`, then the events in view, which only become
    fewer when the second moves on.
    """

    key: Key
    as_of: int
    minutes: Ints
    counts: Ints
    sources: tuple[str, ...] = ()
    version: int = 0
    oldest_new_received_at: int = 0
    newest_received_at: int = 0

    def column(self, name: str) -> Ints:
        """One count per minute."""
        column: Ints = self.counts[:, COLUMN[name]]
        return column

    def total(self, *names: str) -> int:
        """The sum of these counts over all minutes."""
        return sum(int(self.column(name).sum()) for name in names)

    def ages_min(self) -> NDArray[np.float64]:
        """Each minute's age at `as_of` in minutes, measured from its middle, never negative."""
        return np.maximum((self.as_of - self.minutes) / MINUTE_MS - 0.5, 0.0)


class Ledger:
    """All keys. Memory is bounded by the minutes of 72 hours once `forget` is called every few minutes."""

    __slots__ = ("_changed", "_series", "watermark")

    def __init__(self) -> None:
        self._series: dict[Key, Series] = {}
        self._changed: set[Key] = set()
        self.watermark = 0

    def __len__(self) -> int:
        return len(self._series)

    def apply(self, partial: ReputationPartial) -> bool:
        """Take one partial in. True if it changed its key, False if it was known or too old."""
        self.watermark = max(self.watermark, partial.watermark)
        key = Key(partial.tenant, partial.kind, partial.key)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series()
        if not series.apply(partial):
            return False
        oldest, new = series.oldest_new_received_at, partial.oldest_new_received_at
        is_first = key not in self._changed or not oldest
        series.oldest_new_received_at = new if is_first else min(oldest, new or oldest)
        self._changed.add(key)
        return True

    def changed(self) -> list[Key]:
        """Keys changed since the last call, narrow kinds first, in a fixed order; empties the list."""
        keys = sorted(self._changed, key=lambda k: (_BREADTH[KeyKind(k.kind)], k))
        self._changed.clear()
        return keys

    def keys(self) -> list[Key]:
        """Every known key."""
        return list(self._series)

    def view(self, key: Key) -> KeyView:
        """The key as of its own newest watermark. Raises KeyError for a key never seen or forgotten."""
        series = self._series[key]
        minutes, counts = series.minutes.sorted()
        first = horizon(series.as_of)
        cut = int(np.searchsorted(minutes, first))
        return KeyView(
            key=key,
            as_of=series.as_of,
            minutes=minutes[cut:] * MINUTE_MS,
            counts=counts[cut:],
            sources=tuple(sorted(name for name, newest in series.sources.items() if newest >= first)),
            version=(series.as_of // 1000 << 32) + int(counts[cut:].sum()),
            oldest_new_received_at=series.oldest_new_received_at,
            newest_received_at=series.newest_received_at,
        )

    def forget(self) -> None:
        """Free what no view shows any more, and keys idle for four days. Never changes a view."""
        for key in [key for key, series in self._series.items() if series.as_of < self.watermark - IDLE_MS]:
            del self._series[key]
            self._changed.discard(key)
        for series in self._series.values():
            series.forget(horizon(series.as_of))
