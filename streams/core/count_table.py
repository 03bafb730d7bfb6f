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
from streams.core.counting import Increments, key_parts
from streams.core.longs import encode_longs
from streams.core.meaning import METRICS
from streams.core.rows import Ints, Rows

_RESTORED = (*METRICS, "minute", "applied_offset", "newest_received_at")  # the rest is in the key
# Minute (ms); offset applied, plus one; oldest receipt not yet written (0: none); newest receipt (ms); is dirty.
_MINUTE, _NEXT, _OLDEST, _NEWEST, _DIRTY = range(5)


class CountTable:
    """Rows by changelog key. Not safe for threads."""

    def __init__(self, partition: int, codec: Codec) -> None:
        self.partition = partition
        self._codec = codec
        self._head = codec.header(ReputationPartial)
        self._rows: Rows[bytes] = Rows(len(METRICS), 5)
        # By place: the fields between the counts and the offset, encoded; b"" until the row is written here.
        self._middles: list[bytes] = []

    def __len__(self) -> int:
        return len(self._rows)

    def offsets_from(self, first: int) -> list[int]:
        """The distinct offsets from `first` on that rows hold everything up to, rising: a torn flush left them."""
        applied = self._rows.numbers[_NEXT, self._rows.used()] - 1
        found: list[int] = np.unique(applied[applied >= first]).tolist()
        return found

    def add(self, parts: Sequence[Increments], upto: int, *, is_replay: bool) -> None:
        """Add a batch's counts, in parts; its rows hold everything up to `upto` then.

        In a replay, rows that hold these events already are left as they are; a row holds all or none of them.
        """
        found = [(self._rows.find(more.keys, self._made), more) for more in parts]
        if is_replay:
            found = [self._lacking(places, more, upto) for places, more in found]
        counts, numbers = self._rows.counts, self._rows.numbers
        for places, more in found:
            counts[places] += more.counts
            numbers[_NEXT, places] = np.maximum(numbers[_NEXT, places], upto + 1)
            held = numbers[_OLDEST, places]
            numbers[_OLDEST, places] = np.where(held == 0, more.oldest, np.minimum(held, more.oldest))
            numbers[_NEWEST, places] = np.maximum(numbers[_NEWEST, places], more.newest)
            numbers[_DIRTY, places] = 1

    def _lacking(self, places: Ints, more: Increments, upto: int) -> tuple[Ints, Increments]:
        lacks = self._rows.numbers[_NEXT, places] <= upto
        return places[lacks], Increments([], more.counts[lacks], more.oldest[lacks], more.newest[lacks])

    def cut(self, watermark: int) -> list[Row]:
        """The changelog records of the rows changed since the last cut."""
        numbers, keys, middles, head = self._rows.numbers, self._rows.names, self._middles, self._head
        places = np.flatnonzero(numbers[_DIRTY])
        for place in places.tolist():
            middles[place] = middles[place] or self._middle(keys[place] or b"")
        counts = encode_longs(self._rows.counts[places])
        ends = np.stack((
            numbers[_NEXT, places] - 1, np.full(len(places), watermark), numbers[_OLDEST, places],
            numbers[_NEWEST, places],
        ), axis=1)  # fmt: skip
        numbers[_OLDEST, places] = numbers[_DIRTY, places] = 0
        return [
            (keys[place] or b"", b"".join((head, count, middles[place], end)))
            for place, count, end in zip(places.tolist(), counts, encode_longs(ends), strict=True)
        ]

    def expire(self, before: int) -> list[Row]:
        """Forget the written rows of minutes before `before` (ms); their tombstones."""
        numbers, places = self._rows.numbers, self._rows.used()
        old = places[(numbers[_MINUTE, places] < before) & (numbers[_DIRTY, places] == 0)]
        keys = [self._rows.names[place] or b"" for place in old.tolist()]
        self._rows.drop(keys)
        return [(key, None) for key in keys]

    def restore(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        """Changelog records in the order of the log; of one key's rows the one that holds most wins.

        Raises Permanent for a value that is no row.
        """
        for is_gone, run in groupby(zip(keys, values, strict=True), key=lambda row: row[1] is None):
            some_keys, some_values = zip(*run, strict=True)
            if is_gone:
                self._rows.drop(some_keys)
            else:
                self._restore(some_keys, some_values)

    def _restore(self, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        read = read_records(values, ReputationPartial, _RESTORED, self._codec)
        for position in sorted({*read.broken, *read.others}):
            self._codec.decode(values[position], ReputationPartial)  # raises: says what it is instead
            raise read.broken[position]
        block = read.block
        places, ends = self._rows.find(keys, self._listed), block.number("applied_offset") + 1
        rising = np.argsort(ends, kind="stable")  # of a key's rows the last one assigned stays
        rising = rising[ends[rising] >= self._rows.numbers[_NEXT, places[rising]]]
        at = places[rising]
        self._rows.counts[at] = block.table(METRICS)[:, rising].T
        for column, name in ((_MINUTE, "minute"), (_NEWEST, "newest_received_at")):
            self._rows.numbers[column, at] = block.number(name)[rising]
        self._rows.numbers[_NEXT, at] = ends[rising]

    def _made(self, key: bytes, place: int) -> None:
        self._listed(key, place)
        self._rows.numbers[_MINUTE, place] = int(key.rpartition(b"\x1f")[2])

    def _listed(self, _key: bytes, place: int) -> None:
        if place == len(self._middles):
            self._middles.append(b"")
        else:
            self._middles[place] = b""

    def _middle(self, key: bytes) -> bytes:
        *texts, minute = key_parts(key)
        return b"".join((*map(text, texts), long(int(minute)), long(self.partition)))
