"""What is known about every key: the newest absolute counts per minute, whatever order they came in.

The ledger is a function of the *set* of partials it was given: order and repetition do not matter, so
a restart that reads the whole topic again arrives at the same scores and no detector state has to be
stored. Each key is judged at its own `as_of`, the highest watermark among its partials, on the minutes
of the 72 hours before it: as long as the pipeline accepts late events and the topic keeps minutes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.aggregates import KeyKind
from streams.core.names import Names
from streams.core.reputation import cells
from streams.core.reputation.partial_rows import PartialRows
from streams.core.reputation.series import COLUMN, FIELDS, HOUR_MS, KEPT_MS, MINUTE_MS, Ints, horizon
from streams.core.rows import Rows

IDLE_MS = KEPT_MS + 24 * HOUR_MS  # a day of slack for partitions that lag behind the others

# Narrow keys first: a shared key's trouble is explained by the narrow key that causes it, so that one
# must be judged before.
_BREADTH = {
    kind.value: place
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


@dataclass(frozen=True, kw_only=True)
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

    @cached_property
    def totals(self) -> dict[str, int]:
        """Every count's sum over all minutes."""
        return dict(zip(FIELDS, self.counts.sum(axis=0).tolist(), strict=True))

    def total(self, *names: str) -> int:
        """The sum of these counts over all minutes."""
        totals = self.totals
        return sum(totals[name] for name in names)

    @cached_property
    def ages_min(self) -> NDArray[np.float64]:
        """Each minute's age at `as_of` in minutes, measured from its middle, never negative."""
        return np.maximum((self.as_of - self.minutes) / MINUTE_MS - 0.5, 0.0)


_NEVER = np.iinfo(np.int64).max


class Ledger:
    """All keys. Memory is bounded by the minutes of 72 hours once `forget` is called every few minutes.

    What one partition says about a source and minute of a key takes some 0.45 kB.
    """

    def __init__(self) -> None:
        self._cells = Rows(len(FIELDS), 4, np.int32)
        self._minutes = Rows(len(FIELDS), 3, np.int32)
        self._keys = Rows(0, 6, np.int32)
        self._sources = Rows(0, 4, np.int32)  # of a key, each with the newest minute of its
        self._source_names = Names()
        self._changed: list[Ints] = []  # places of keys, each marked in the table too: one may be used anew since
        self.watermark = 0

    def __len__(self) -> int:
        return len(self._keys)

    def apply(self, rows: PartialRows) -> int:
        """Take partials in; how many said something new (the others were known or too old)."""
        count = len(rows)
        if not count:
            return 0
        self.watermark = max(self.watermark, int(rows.watermark.max()))
        self._cells.reserve(count, len(rows.names))
        self._keys.reserve(count, len(rows.names))
        self._minutes.reserve(count, 0)
        self._sources.reserve(count, 0)
        self._source_names.reserve(count, len(rows.names))
        numbers = np.stack((
            rows.partitions, rows.minutes, rows.applied, rows.watermark, rows.oldest_new, rows.newest,
        ))  # fmt: skip
        news, changed = cells.take(self._tables(), rows.names, rows.ends, numbers, rows.counts)
        self._changed.append(changed)
        return int(news)

    def _tables(self) -> cells.Tables:
        return cells.Tables(
            _held(self._cells), _held(self._minutes), _held(self._keys), _held(self._sources), self._source_names.arrays
        )

    def scored(self, keys: Iterable[Key]) -> None:
        """These have their score: nothing of theirs is waiting any more. Unknown keys do not matter."""
        places = self._keys.names.find([_name(key) for key in keys], is_making=False)
        self._keys.numbers[places[places >= 0], cells.OLDEST_NEW] = 0

    def changed(self) -> list[Key]:
        """Keys changed since the last call, in no particular order; empties the list."""
        if not self._changed:
            return []
        places, marks = np.unique(np.concatenate(self._changed)), self._keys.numbers[:, cells.IS_CHANGED]
        self._changed.clear()
        places = places[marks[places] != 0]
        marks[places] = 0
        return self._names(places)

    def keys(self) -> list[Key]:
        """Every known key."""
        return self._names(self._keys.used())

    def _names(self, places: Ints) -> list[Key]:
        return [Key(*name.decode().split("\x1f", 2)) for name in self._keys.names.texts(places)]

    def view(self, key: Key) -> KeyView:
        """The key as of its own newest watermark. Raises KeyError for a key never seen or forgotten."""
        place = self._keys.place(_name(key))
        if place < 0:
            raise KeyError(key)
        as_of, newest, oldest_new, last_minute, last_source, _ = self._keys.numbers[place].tolist()
        first = horizon(as_of)
        rows = cells.chained(self._minutes.numbers, last_minute)
        minutes = self._minutes.numbers[rows, cells.MINUTE]
        if (minutes[1:] < minutes[:-1]).any() or (minutes[:1] < first).any():
            order = np.argsort(minutes)
            order = order[np.searchsorted(minutes, first, sorter=order) :]
            rows, minutes = rows[order], minutes[order]
        counts = self._minutes.counts[rows].astype(np.int64, order="F")  # read by column
        return KeyView(
            key=key,
            as_of=as_of,
            minutes=minutes * MINUTE_MS,
            counts=counts,
            sources=self._sources_of(last_source, first),
            version=(as_of // 1000 << 32) + int(counts.sum()),
            oldest_new_received_at=oldest_new,
            newest_received_at=newest,
        )

    def _sources_of(self, last: int, first: int) -> tuple[str, ...]:
        """The sources in a key's chain that have said something about minute `first` or a later one."""
        numbers = self._sources.numbers
        places = cells.chained(numbers, last)
        names = numbers[places[numbers[places, cells.MINUTE] >= first], cells.SOURCE]
        return tuple(sorted(name.decode() for name in self._source_names.texts(names)))

    def forget(self) -> list[Key]:
        """Free what no view shows any more, and keys idle for four days, which are returned. Never changes a view."""
        keys = self._keys.numbers
        as_of, used = keys[:, cells.AS_OF], self._keys.used()
        is_idle = np.zeros(len(as_of), np.bool_)
        is_idle[used] = as_of[used] < self.watermark - IDLE_MS
        first = horizon(np.where(is_idle, _NEVER // 2, as_of))
        for rows, chain in (
            (self._cells, None),
            (self._minutes, cells.LAST_MINUTE),
            (self._sources, cells.LAST_SOURCE),
        ):
            held = rows.used()
            old = held[rows.numbers[held, cells.MINUTE] < first[rows.numbers[held, cells.KEY]]]
            if chain is not None:
                is_gone = np.zeros(len(rows.counts), np.bool_)
                is_gone[old] = True
                cells.unchain(rows.numbers, keys, chain, is_gone)
            rows.drop(old)
        idle = np.flatnonzero(is_idle)
        names = self._names(idle)
        self._keys.drop(idle)
        return names


def _held(rows: Rows) -> cells.Held:
    return cells.Held(rows.names.arrays, rows.counts, rows.numbers)


def narrow_first(keys: Iterable[Key]) -> list[Key]:
    """In the order in which they must be judged, and a fixed one."""
    return sorted(keys, key=lambda key: (_BREADTH[key.kind], key))


def _name(key: Key) -> bytes:
    return "\x1f".join(key).encode()
