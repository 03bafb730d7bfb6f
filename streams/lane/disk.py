"""Rows of a partition's state on local disk (RocksDB), for states that outgrow memory.

The changelog stays the truth; the folder saves reading all of it again. Changed rows are kept in memory
until their flush is committed in the log. Then one write batch puts them into RocksDB together with the
flush's marker and the changelog position behind it, so the folder is the exact state at that position and
never ahead of the log. After a crash an owner opens the folder and reads the changelog's tail only.

RocksDB's own log is written but not synced: a killed process loses nothing, a power failure may cost the
last batches, whole ones and the last ones only, and the tail brings them back. A folder that cannot be
trusted is thrown away: one of another log, one beyond the log's end, a damaged one, and one so old that
tombstones behind its position may be gone from the log.

`order` keeps an index beside the rows: which of them come first by a number in their value (a timer). It
is derived from the rows, here and in a restore, so a timer costs no record in the log and can never
disagree with its row, not even where a broker shows a torn flush.
"""

from __future__ import annotations

import contextlib
import heapq
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from msgspec.structs import replace
from rocksdict import WriteBatch

from streams.core.changes import Row
from streams.lane.folders import take
from streams.lane.rocks import Memory, Store
from streams.lane.stand import Stand

log = logging.getLogger(__name__)

Order = Callable[[bytes], int | None]
"""The number that a row's value is sorted by, 0 <= n < 2**63; None for a row that is not in the index."""

_REMEMBERED = (
    100_000  # marks of rows that were read and perhaps never changed; without one, a write reads the row again
)
_RESERVED = b"\x00"  # first byte of what is not a row; a row's key never starts with it
_STAND = b"\x00stand"
_INDEX = b"\x00i"
_FIRST_ROW = b"\x01"


@dataclass(slots=True)
class _Changes:
    """Rows that are not on disk yet, where they stand in the order, and where the rows do that they replace."""

    rows: dict[bytes, bytes | None] = field(default_factory=dict)
    marks: dict[bytes, int | None] = field(default_factory=dict)
    old_marks: dict[bytes, int | None] = field(default_factory=dict)

    def first(self, below: int, hidden: Mapping[bytes, object]) -> list[tuple[int, bytes]]:
        return [
            (mark, key) for key, mark in self.marks.items() if mark is not None and mark < below and key not in hidden
        ]


class DiskRows:
    """The rows of one partition; `home` is its folder of copies. Keys are bytes that do not start with NUL.

    One thread reads, puts and cuts; `settle` may run in another one meanwhile. Everything raises Transient
    when the disk fails: the process must end, the next one rebuilds a damaged folder from the log. Such an
    error is about no record, so never call this where a failing record is tried apart. Rows are held in
    memory from `put` to `settle`, which the lane's flushes bound.
    """

    def __init__(
        self, home: Path, memory: Memory, clock_ms: Callable[[], int], *, order: Order | None = None, form: str = "1"
    ) -> None:
        self._clock_ms, self._order, self._form = clock_ms, order, form
        self._changed, self._flying = _Changes(), _Changes()
        self._read_marks: dict[bytes, int | None] = {}  # of rows on disk that were read since the last cut
        self._cut_ms = 0
        self._lock = threading.Lock()  # of the moment when flying rows have landed, and of the next two
        self._floor = 0  # what the index on disk says below this is about changed or flying rows
        self._landings = 0
        self.stand = Stand("", 0, None, 0, form)
        self._folder = take(home)
        try:
            self._store = Store(self._folder, memory)
        except BaseException:
            self._folder.release()
            raise

    # -- taking over ---------------------------------------------------------------------------------------------

    def begin(self, log_id: str) -> Stand:
        """Where to read the changelog from: `changelog_next` is 0 for a folder that is new or was thrown away.

        `log_id`: the identity of the topic, which a topic made anew under the same name does not share.
        """
        now, stored = self._clock_ms(), self._store.get_many([_STAND])[0]
        found = None if stored is None else Stand.decode(stored)
        reason = "" if found is None else found.distrust(log_id, self._form, now)
        self.stand = replace(found or self.stand, log_id=log_id, written_ms=now, form=self._form)
        if reason:
            self.anew(reason)
        elif stored is None:
            self._write({}, self.stand)  # the rows of a first restore that is killed have an age, too
        return self.stand

    def anew(self, reason: str) -> None:
        """Throw the folder's content away and begin with an empty one. `reason`: for the log line."""
        log.warning("%s: %s; its rows are read from the changelog again", self._folder.path, reason)
        self._store.clear()
        self.stand = replace(self.stand, changelog_next=0, marker=None)
        self._write({}, self.stand)

    def restore(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        """Records of the changelog's tail, in the order of the log.

        They go to disk at once. Killed before `restored`, the folder has rows beyond its position: the next
        owner reads the same tail again, which ends in the same rows.
        """
        self._write(dict(zip(keys, values, strict=True)))

    def restored(self, marker: bytes | None, changelog_next: int) -> None:
        """The tail was restored up to there; `marker`: the last one in it, None if there was none."""
        marker = self.stand.marker if marker is None else marker
        self.stand = replace(self.stand, marker=marker, changelog_next=changelog_next)
        self._write({}, self.stand)

    # -- reading -------------------------------------------------------------------------------------------------

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of these keys, None where there is no row."""
        changed, flying = self._changed.rows, self._flying.rows  # first: what lands meanwhile is on disk as well
        unseen = [key for key in keys if key not in changed and key not in flying]
        found = self._store.get_many(unseen)
        if self._order:
            if len(self._read_marks) > _REMEMBERED:
                self._read_marks.clear()
            self._read_marks.update(zip(unseen, map(self._mark, found), strict=True))
        if len(unseen) == len(keys):
            return found
        rest = iter(found)
        return [changed[key] if key in changed else flying[key] if key in flying else next(rest) for key in keys]

    def scan(self, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """The first `limit` rows with start <= key < stop, in the order of their keys."""
        above = self._flying.rows | self._changed.rows
        near = sorted((key, value) for key, value in above.items() if start <= key < stop and value is not None)
        with contextlib.closing(self._store.walk(max(start, _FIRST_ROW), stop)) as walk:
            far = list(islice((row for row in walk if row[0] not in above), limit))
        return list(islice(heapq.merge(near, far), limit))

    def first(self, below: int, limit: int) -> list[tuple[int, bytes]]:
        """(number, key) of the `limit` rows that come first by `order`, of those with numbers under `below`."""
        with self._lock:
            changed, flying, floor, landings = self._changed, self._flying, self._floor, self._landings
        near = changed.first(below, {}) + flying.first(below, changed.rows)
        with contextlib.closing(self._store.walk(_entry(floor, b""), _entry(below, b""))) as walk:
            entries = (_sorted_row(entry) for entry, _ in walk)
            far = list(
                islice((row for row in entries if row[1] not in changed.rows and row[1] not in flying.rows), limit)
            )
        with self._lock:
            if landings == self._landings:  # the next call need not look at what is hidden by changes again
                self._floor = max(floor, far[0][0] if far else below)
        return heapq.nsmallest(limit, near + far)

    # -- changing ------------------------------------------------------------------------------------------------

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a row, None removes it."""
        if key.startswith(_RESERVED):
            raise ValueError(f"a row's key must not start with NUL: {key!r}")
        if self._order:
            self._note_order(key, value)
        self._changed.rows[key] = value

    def _note_order(self, key: bytes, value: bytes | None) -> None:
        changed, flying = self._changed, self._flying
        changed.marks[key] = self._mark(value)
        if key in flying.marks:
            changed.old_marks[key] = flying.marks[key]  # these rows land first
        elif key in self._read_marks:
            changed.old_marks[key] = self._read_marks[key]

    def _mark(self, value: bytes | None) -> int | None:
        return None if value is None or self._order is None else self._order(value)

    def cut(self) -> list[Row]:
        """The rows changed since the last cut, to be written to the log.

        Raises RuntimeError when that one was not settled: the log may lack its rows.
        """
        if self._flying.rows:
            raise RuntimeError("the last cut was not settled, a marker after this one would vouch for its rows")
        self._cut_ms = self._clock_ms()
        self._read_marks.clear()
        with self._lock:
            self._changed, self._flying = _Changes(), self._changed
        return list(self._flying.rows.items())

    def settle(self, marker: bytes, changelog_next: int) -> None:
        """The last cut is committed in the log, with this marker just below `changelog_next`."""
        flying, stand = self._flying, self.stand
        stand = replace(stand, marker=marker, changelog_next=changelog_next, written_ms=self._cut_ms)
        self._write(flying.rows, stand, flying.old_marks)
        self.stand = stand
        lowest = min((mark for mark in flying.marks.values() if mark is not None), default=self._floor)
        with self._lock:
            self._flying = _Changes()
            self._floor = min(self._floor, lowest)
            self._landings += 1

    def close(self) -> None:
        """Let another process have the folder. Rows not settled are gone, as after a kill. Safe to call again."""
        self._store.close()
        self._folder.release()

    def _write(
        self,
        rows: Mapping[bytes, bytes | None],
        stand: Stand | None = None,
        old_marks: Mapping[bytes, int | None] | None = None,
    ) -> None:
        batch = WriteBatch(raw_mode=True)
        if self._order:
            self._sort_in(batch, rows, dict(old_marks or {}))
        for key, value in rows.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        if stand is not None:
            batch.put(_STAND, stand.encode())
        self._store.write(batch)
        if stand is not None:
            self._folder.stamp(stand.written_ms if stand.changelog_next else 0, stand.changelog_next)

    def _sort_in(
        self, batch: WriteBatch, rows: Mapping[bytes, bytes | None], old_marks: dict[bytes, int | None]
    ) -> None:
        """The index follows the rows: what the rows on disk are sorted by goes, what these are sorted by comes."""
        unread = [key for key in rows if key not in old_marks]
        old_marks.update(zip(unread, map(self._mark, self._store.get_many(unread)), strict=True))
        for key, value in rows.items():
            was, now = old_marks[key], self._mark(value)
            if was == now:
                continue
            if was is not None:
                batch.delete(_entry(was, key))
            if now is not None:
                batch.put(_entry(now, key), b"")


def _entry(number: int, key: bytes) -> bytes:
    """A row's place in the index: entries sort by number, then by key."""
    return _INDEX + number.to_bytes(8, "big") + key


def _sorted_row(entry: bytes) -> tuple[int, bytes]:
    """Number and key of an index entry."""
    return int.from_bytes(entry[2:10], "big"), entry[10:]
