"""What is known about every key: the newest absolute counts per minute, whatever order they came in.

The ledger is a function of the *set* of partials it was given: order and repetition do not matter, so
a restart that reads the whole topic again arrives at the same scores and no detector state has to be
stored. Each key is judged at its own `as_of`, the highest watermark among its partials, on the minutes
of the 72 hours before it: as long as the pipeline accepts late events and the topic keeps minutes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.aggregates import KeyKind
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


# Columns of the tables below. Minutes are numbers since the epoch, times in ms.
_MINUTE, _KEY, _TOTAL, _NEXT = range(4)  # of cells; minutes have the first two
_AS_OF, _NEWEST, _OLDEST_NEW = range(3)  # of keys
_NEVER = np.iinfo(np.int64).max
_MINUTE_BITS = 48  # of a minute's name, below its key's place; minutes of the year 9999 take 33
_MINUTE_MASK = (1 << _MINUTE_BITS) - 1


class Ledger:
    """All keys. Memory is bounded by the minutes of 72 hours once `forget` is called every few minutes.

    A *cell* is what one partition says about one source and minute of a key: a newer offset replaces its
    counts, an older or equal one changes nothing. A minute is the sum of its cells. About 0.4 kB a cell.
    """

    def __init__(self) -> None:
        self._cells: Rows[tuple[int, bytes]] = Rows(len(FIELDS), 4, np.int32)
        self._minutes: Rows[int] = Rows(len(FIELDS), 2, np.int32)  # under key's place and minute
        self._keys: Rows[bytes] = Rows(0, 3)  # under what a row's key begins with: tenant, kind and key
        # What new rows say of themselves, until it is put into the tables: a write of one number there is slow.
        self._new_cells: list[tuple[int, int, int, int]] = []  # place, minute, key, total
        self._new_minutes: list[tuple[int, int, int]] = []  # place, minute, key
        # By a key's place: the places of its minutes; its source, -1 at first, and the newest minute of that.
        self._minutes_of: list[array[int]] = []
        self._source_of, self._source_minute = array("q"), array("q")
        self._source_numbers: dict[bytes, int] = {}
        self._other_sources: dict[int, dict[int, int]] = {}  # beside a key's first source: its newest minute of each
        self._changed: set[int] = set()
        self.watermark = 0

    def __len__(self) -> int:
        return len(self._keys)

    def apply(self, rows: PartialRows) -> int:
        """Take partials in; how many said something new (the others were known or too old)."""
        if not rows.keys:
            return 0
        self.watermark = max(self.watermark, int(rows.watermark.max()))
        places = self._cells.find(list(zip(rows.partitions.tolist(), rows.keys, strict=True)), self._cell_made)
        _fill(self._cells, (_MINUTE, _KEY, _TOTAL), self._new_cells)
        _fill(self._minutes, (_MINUTE, _KEY), self._new_minutes)
        minute, key = self._cells.numbers[_MINUTE, places], self._cells.numbers[_KEY, places]
        keys = self._keys.numbers
        np.maximum.at(keys[_AS_OF], key, rows.watermark)  # no minute is beyond it, but those of a clock that was ahead
        np.maximum.at(keys[_NEWEST], key, rows.newest)
        is_news = (rows.applied >= self._cells.numbers[_NEXT, places]) & (minute >= horizon(keys[_AS_OF, key]))
        news = np.flatnonzero(is_news)
        self._replace(rows, places, news)
        self._note_oldest(key[news], rows.oldest_new[news])
        self._changed.update(key[news].tolist())
        return len(news)

    def _replace(self, rows: PartialRows, places: Ints, news: Ints) -> None:
        """Give each cell its newest counts, and its minute the difference."""
        falling = news[np.argsort(-rows.applied[news], kind="stable")]
        at, first = np.unique(places[falling], return_index=True)
        chosen = falling[first]
        cells = self._cells
        more = rows.counts[chosen].astype(np.int32) - cells.counts[at]
        cells.counts[at] += more
        cells.numbers[_NEXT, at] = rows.applied[chosen] + 1
        np.add.at(self._minutes.counts, cells.numbers[_TOTAL, at], more)

    def _note_oldest(self, key: Ints, oldest: Ints) -> None:
        """The longest-waiting event of each key since it was last scored."""
        held = self._keys.numbers[_OLDEST_NEW]
        held[key] = np.where(held[key] == 0, _NEVER, held[key])
        np.minimum.at(held, key, np.where(oldest == 0, _NEVER, oldest))
        held[key] = np.where(held[key] == _NEVER, 0, held[key])

    def scored(self, keys: Iterable[Key]) -> None:
        """These have their score: nothing of theirs is waiting any more. Unknown keys do not matter."""
        for key in keys:
            place = self._keys.find_place(_name(key))
            if place >= 0:
                self._keys.numbers[_OLDEST_NEW, place] = 0

    def _cell_made(self, name: tuple[int, bytes], place: int) -> None:
        prefix, source, start = name[1].rsplit(b"\x1f", 2)
        minute = int(start) // MINUTE_MS
        key = self._keys.find_one(prefix, self._key_made)
        self._new_cells.append(
            (place, minute, key, self._minutes.find_one(key << _MINUTE_BITS | minute & _MINUTE_MASK, self._minute_made))
        )
        self._note_source(key, self._source_numbers.setdefault(source, len(self._source_numbers)), minute)

    def _minute_made(self, name: int, place: int) -> None:
        key, minute = name >> _MINUTE_BITS, name & _MINUTE_MASK
        if minute >> (_MINUTE_BITS - 1):  # negative: before 1970
            minute -= 1 << _MINUTE_BITS
        self._new_minutes.append((place, minute, key))
        self._minutes_of[key].append(place)

    def _key_made(self, _name: bytes, place: int) -> None:
        if place == len(self._minutes_of):
            self._minutes_of.append(array("q"))
            self._source_of.append(-1)
            self._source_minute.append(0)
        else:
            self._source_of[place] = -1

    def _note_source(self, key: int, source: int, minute: int) -> None:
        """Nearly all keys have one source."""
        held = self._source_of[key]
        if held in {-1, source}:
            self._source_of[key] = source
            self._source_minute[key] = minute if held < 0 else max(self._source_minute[key], minute)
        else:
            others = self._other_sources.setdefault(key, {})
            others[source] = max(others.get(source, 0), minute)

    def _sources_of(self, key: int, first: int) -> tuple[str, ...]:
        """The sources that have said something about minute `first` or a later one."""
        newest = {self._source_of[key]: self._source_minute[key]} | self._other_sources.get(key, {})
        names = list(self._source_numbers)
        return tuple(sorted(names[source].decode() for source, minute in newest.items() if minute >= first))

    def changed(self) -> list[Key]:
        """Keys changed since the last call, in no particular order; empties the list."""
        keys = [_key(name) for place in self._changed if (name := self._keys.names[place]) is not None]
        self._changed.clear()
        return keys

    def keys(self) -> list[Key]:
        """Every known key."""
        return [_key(name) for name in self._keys.names if name is not None]

    def view(self, key: Key) -> KeyView:
        """The key as of its own newest watermark. Raises KeyError for a key never seen or forgotten."""
        place = self._keys.place(_name(key))
        as_of, newest, oldest_new = self._keys.numbers[:3, place].tolist()
        first = horizon(as_of)
        rows = np.frombuffer(self._minutes_of[place], np.int64)
        minutes = self._minutes.numbers[_MINUTE, rows]
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
            sources=self._sources_of(place, first),
            version=(as_of // 1000 << 32) + int(counts.sum()),
            oldest_new_received_at=oldest_new,
            newest_received_at=newest,
        )

    def forget(self) -> list[Key]:
        """Free what no view shows any more, and keys idle for four days, which are returned. Never changes a view."""
        as_of = self._keys.numbers[_AS_OF]
        first = horizon(np.where(as_of < self.watermark - IDLE_MS, _NEVER // 2, as_of))
        idle = [place for place in self._keys.used().tolist() if as_of[place] < self.watermark - IDLE_MS]
        cells, minutes = self._cells.used(), self._minutes.used()
        old_cells = cells[self._cells.numbers[_MINUTE, cells] < first[self._cells.numbers[_KEY, cells]]]
        old_minutes = minutes[self._minutes.numbers[_MINUTE, minutes] < first[self._minutes.numbers[_KEY, minutes]]]
        shrunk = set(self._minutes.numbers[_KEY, old_minutes].tolist())
        self._cells.drop([name for place in old_cells.tolist() if (name := self._cells.names[place]) is not None])
        self._minutes.drop([name for at in old_minutes.tolist() if (name := self._minutes.names[at]) is not None])
        gone = set(old_minutes.tolist())
        for place in shrunk:
            self._minutes_of[place] = array("q", (at for at in self._minutes_of[place] if at not in gone))
        for place in idle:
            self._minutes_of[place] = array("q")
            self._other_sources.pop(place, None)
            self._changed.discard(place)
        names = [name for place in idle if (name := self._keys.names[place]) is not None]
        self._keys.drop(names)
        return [_key(name) for name in names]


def _fill(rows: Rows[Any], columns: tuple[int, ...], made: list[Any]) -> None:
    """Put what new rows say (their place first) into their columns; empties the list."""
    if made:
        table = np.array(made, np.int64)
        for at, column in enumerate(columns, 1):
            rows.numbers[column, table[:, 0]] = table[:, at]
        made.clear()


def narrow_first(keys: Iterable[Key]) -> list[Key]:
    """In the order in which they must be judged, and a fixed one."""
    return sorted(keys, key=lambda key: (_BREADTH[key.kind], key))


def _name(key: Key) -> bytes:
    return "\x1f".join(key).encode()


def _key(name: bytes) -> Key:
    return Key(*name.decode().split("\x1f", 2))
