"""The counted rows of one partition; each is a `ReputationPartial` of the changelog.

A row holds everything of its key up to `applied_offset`. Rows are found by their changelog key, added to
many at a time, and encoded many at a time: the numbers as whole columns, the texts once in a row's life.
About 0.6 kB a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from schemas.aggregates import ReputationPartial
from schemas.avro import Codec
from schemas.encoding import long, text
from streams.core.changes import Row
from streams.core.columns import read_records
from streams.core.compiled import Ints
from streams.core.counting import Increments, key_parts
from streams.core.longs import encode_longs
from streams.core.meaning import METRICS
from streams.core.rows import Rows

_RESTORED = (*METRICS, "minute", "applied_offset", "newest_received_at")  # the rest is in the key
# Minute (ms); offset applied, plus one; oldest receipt not yet written (0: none); newest receipt (ms).
_MINUTE, _NEXT, _OLDEST, _NEWEST = range(4)


class CountTable:
    """Rows by changelog key. Not safe for threads."""

    def __init__(self, partition: int, codec: Codec) -> None:
        self.partition = partition
        self._codec = codec
        self._head = codec.header(ReputationPartial)
        self._rows = Rows(len(METRICS), 4)
        self._dirty: list[Ints] = []  # places of rows that were changed since the last cut
        # By place: the fields between the counts and the offset, encoded; b"" until the row is written here.
        self._middles: list[bytes] = []

    def __len__(self) -> int:
        return len(self._rows)

    def offsets_from(self, first: int) -> list[int]:
        """The distinct offsets from `first` on that rows hold everything up to, rising: a torn flush left them."""
        applied = self._rows.numbers[self._rows.used(), _NEXT] - 1
        found: list[int] = np.unique(applied[applied >= first]).tolist()
        return found

    def add(self, parts: Sequence[Increments], upto: int, *, is_replay: bool) -> None:
        """Add a batch's counts, in parts; its rows hold everything up to `upto` then.

        In a replay, rows that hold these events already are left as they are; a row holds all or none of them.
        """
        found = [(self._find(more.keys, has_minutes=False), more) for more in parts]
        if is_replay:
            found = [self._lacking(places, more, upto) for places, more in found]
        counts, numbers = self._rows.counts, self._rows.numbers
        for places, more in found:
            counts[places] += more.counts
            numbers[places, _NEXT] = np.maximum(numbers[places, _NEXT], upto + 1)
            held = numbers[places, _OLDEST]
            numbers[places, _OLDEST] = np.where(held == 0, more.oldest, np.minimum(held, more.oldest))
            numbers[places, _NEWEST] = np.maximum(numbers[places, _NEWEST], more.newest)
            self._dirty.append(places)

    def _lacking(self, places: Ints, more: Increments, upto: int) -> tuple[Ints, Increments]:
        lacks = self._rows.numbers[places, _NEXT] <= upto
        return places[lacks], Increments(
            [], more.counts[lacks], more.oldest[lacks], more.newest[lacks], 0, more.entries
        )

    def cut(self, watermark: int) -> list[Row]:
        """The changelog records of the rows changed since the last cut."""
        numbers, middles, head = self._rows.numbers, self._middles, self._head
        places = self._unwritten()
        self._dirty.clear()
        keys = self._rows.names.texts(places)
        for place, key in zip(places.tolist(), keys, strict=True):
            middles[place] = middles[place] or self._middle(key)
        counts = encode_longs(self._rows.counts[places])
        ends = np.stack((
            numbers[places, _NEXT] - 1, np.full(len(places), watermark), numbers[places, _OLDEST],
            numbers[places, _NEWEST],
        ), axis=1)  # fmt: skip
        numbers[places, _OLDEST] = 0
        return [
            (key, b"".join((head, count, middles[place], end)))
            for key, place, count, end in zip(keys, places.tolist(), counts, encode_longs(ends), strict=True)
        ]

    def _unwritten(self) -> Ints:
        return np.unique(np.concatenate(self._dirty)) if self._dirty else np.zeros(0, np.int64)

    def expire(self, before: int) -> list[Row]:
        """Forget the written rows of minutes before `before` (ms); their tombstones."""
        numbers, places = self._rows.numbers, self._rows.used()
        old = np.setdiff1d(places[numbers[places, _MINUTE] < before], self._unwritten(), assume_unique=True)
        keys = self._rows.names.texts(old)
        self._rows.drop(old)
        return [(key, None) for key in keys]

    def restore(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        """Changelog records in the order of the log; of one key's rows the one that holds most wins.

        Raises Permanent for a value that is no row.
        """
        if None not in values:
            self._restore(keys, values)  # type: ignore[arg-type]  # as it says
            return
        for is_gone, run in groupby(zip(keys, values, strict=True), key=lambda row: row[1] is None):
            some_keys, some_values = zip(*run, strict=True)
            if is_gone:
                self._rows.drop_named(some_keys)
            else:
                self._restore(some_keys, some_values)

    def _restore(self, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        read = read_records(values, ReputationPartial, _RESTORED, self._codec)
        for position in sorted({*read.broken, *read.others}):
            self._codec.decode(values[position], ReputationPartial)  # raises: says what it is instead
            raise read.broken[position]
        block = read.block
        places, ends = self._find(keys, has_minutes=True), block.number("applied_offset") + 1
        rising = np.argsort(ends, kind="stable")  # of a key's rows the last one assigned stays
        rising = rising[ends[rising] >= self._rows.numbers[places[rising], _NEXT]]
        at = places[rising]
        self._rows.counts[at] = block.table(METRICS)[:, rising].T
        for column, name in ((_MINUTE, "minute"), (_NEWEST, "newest_received_at")):
            self._rows.numbers[at, column] = block.number(name)[rising]
        self._rows.numbers[at, _NEXT] = ends[rising]

    def _find(self, keys: Sequence[bytes], *, has_minutes: bool) -> Ints:
        """The rows' places; missing rows are made, with their keys' minutes if nothing else has these."""
        places, made = self._rows.find(keys)
        new = places[made].tolist()
        self._middles += [b""] * (max(new, default=-1) + 1 - len(self._middles))
        for place in new:
            self._middles[place] = b""
        if not has_minutes:
            self._rows.numbers[new, _MINUTE] = [int(keys[at].rpartition(b"\x1f")[2]) for at in made.tolist()]
        return places

    def _middle(self, key: bytes) -> bytes:
        *texts, minute = key_parts(key)
        return b"".join((*map(text, texts), long(int(minute)), long(self.partition)))
