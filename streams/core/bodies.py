"""Avro bodies of one schema, read where they lie: the place of each text, the value of each number.

A record is walked once, field by field; what nobody asked for is stepped over, but checked like the rest,
so a record is good here exactly if a decoder takes it (property test). Avro specification 1.11, "Binary
encoding"; UTF-8 by RFC 3629.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from schemas.avro import HEADER_SIZE, SchemaVersion
from streams.core.compiled import (
    BYTES,
    FLAG,
    IDS,
    INT,
    INTS,
    NOTHING,
    TABLE,
    WORD,
    Bytes,
    Ids,
    Ints,
    Number,
    as_bytes,
    compiled,
    several,
    slices,
)  # fmt: skip
from streams.core.grouping import code_texts, join_texts

_TEXT, _NUMBER, _DOUBLE, _TEXTS = range(4)  # kinds of fields
_KINDS = {"string": _TEXT, "long": _NUMBER, "double": _DOUBLE}
_NOWHERE = 0  # the slot of fields that nobody asked for


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How to walk one schema version. `texts`, `numbers`: the asked fields, in the order of their slots from 1.

    `runs`: pairs of a kind and how many fields in a row have it. `slots`: by field.
    """

    header: Bytes
    runs: Ints
    slots: Ints
    texts: tuple[str, ...]
    numbers: tuple[str, ...]


def layout_of(version: SchemaVersion, columns: Sequence[str], header: bytes) -> Layout:
    """The layout for these columns. Raises TypeError for a field of a type that no column has."""
    runs: list[list[int]] = []
    slots: list[int] = []
    asked: dict[int, list[str]] = {_TEXT: [], _NUMBER: []}
    for field in json.loads(version.path.read_text(encoding="utf-8"))["fields"]:
        kind = _kind(field["type"])
        if runs and runs[-1][0] == kind:
            runs[-1][1] += 1
        else:
            runs.append([kind, 1])
        if field["name"] in columns:
            if kind not in asked:
                raise TypeError(f"no column for the Avro type {field['type']!r} of {field['name']}")
            asked[kind].append(field["name"])
            slots.append(len(asked[kind]))
        else:
            slots.append(_NOWHERE)
    if unknown := set(columns) - {*asked[_TEXT], *asked[_NUMBER]}:
        raise TypeError(f"no column for {min(unknown)}: {version.path.stem} has no such field")
    return Layout(
        as_bytes(header), np.array(runs, np.int64).ravel(), np.array(slots, np.int64),
        tuple(asked[_TEXT]), tuple(asked[_NUMBER]),
    )  # fmt: skip


def _kind(avro: Any) -> int:
    plain = avro["type"] if isinstance(avro, dict) else avro
    if plain == "array" and avro["items"] == "string":
        return _TEXTS
    if plain not in _KINDS:
        raise TypeError(f"no column for the Avro type {avro!r}; string, long, double or an array of strings")
    return _KINDS[plain]


@dataclass(frozen=True, slots=True)
class Block:
    """Values of a batch, walked. Row 0 of each table is for fields that nobody asked for.

    `starts`, `sizes`: shape (slots, values), where a text lies in `data`; `numbers`: shape (slots, values).
    `verdicts[i]`: GOOD, BROKEN or OTHER (another header). Only what is good has fields.
    """

    layout: Layout
    data: Bytes
    starts: Ints
    sizes: Ints
    numbers: Ints
    verdicts: Ints

    def text(self, name: str, position: int) -> str:
        """One record's text."""
        slot = self.slot(name)
        start = int(self.starts[slot, position])
        return self.data[start : start + int(self.sizes[slot, position])].tobytes().decode()

    def slot(self, name: str) -> int:
        """The row of a text column."""
        return self.layout.texts.index(name) + 1

    def number(self, name: str) -> Ints:
        """A column of numbers, by value."""
        column: Ints = self.numbers[self.layout.numbers.index(name) + 1]
        return column

    def code(self, groups: Sequence[Sequence[str]], rows: Ints) -> list[tuple[Ints, Ints]]:
        """For each group of text columns: each row's number, which rows share that are equal in all of them, dense
        from 0; and where each number came first.
        """
        slots, ends = _slots(self.layout, tuple(map(tuple, groups)))
        codes, firsts = np.empty((len(groups), len(rows)), np.int64), np.empty((len(groups), len(rows)), np.int64)
        found = code_texts(self.data, self.starts, self.sizes, slots, ends, rows, codes, firsts)
        return [(codes[at], firsts[at, :size]) for at, size in enumerate(found.tolist())]

    def joined(self, names: Sequence[str], rows: Ints) -> list[bytes]:
        """Some columns' texts of each row, each with a unit separator behind it: what `decode` and `split` take."""
        slots, _ = _slots(self.layout, (tuple(names),))
        return slices(*join_texts(self.data, self.starts, self.sizes, slots, rows, _SEPARATOR))

    def table(self, names: Sequence[str]) -> Ints:
        """Some columns of numbers, shape (names, values)."""
        table: Ints = self.numbers[[self.layout.numbers.index(name) + 1 for name in names]]
        return table


GOOD, BROKEN, OTHER = range(3)
_SEPARATOR = 0x1F


@cache
def _slots(layout: Layout, groups: tuple[tuple[str, ...], ...]) -> tuple[Ints, Ints]:
    """The groups' slots on end, and where each group ends."""
    slots = [layout.texts.index(name) + 1 for group in groups for name in group]
    return np.array(slots, np.int64), np.cumsum([len(group) for group in groups])


def walk(values: Sequence[bytes], layout: Layout) -> Block:
    """Find the asked fields of every value that has the layout's header."""
    count = len(values)
    data = as_bytes(b"".join(values))
    ends = np.cumsum(np.fromiter(map(len, values), np.int64, count))
    starts = np.empty((len(layout.texts) + 1, count), np.int64)
    sizes = np.empty((len(layout.texts) + 1, count), np.int64)
    numbers = np.empty((len(layout.numbers) + 1, count), np.int64)
    verdicts = np.empty(count, np.int64)
    _walk_all(data, ends, layout.header, layout.runs, layout.slots, starts, sizes, numbers, verdicts)
    return Block(layout, data, starts, sizes, numbers, verdicts)


_U = np.uint64
_ONE, _SEVEN, _EIGHT, _LOW, _MORE, _BITS = _U(1), _U(7), _U(8), _U(127), _U(128), _U(64)
_QUICKLY, _CLOSELY = False, True  # the second looks at texts too
_BROKEN_AT = _U(0)  # no position behind a field: a header comes first


# RFC 3629, section 4: how many bytes follow a leading one, and what the first of them may be.
_LEADS = ((0xC2, 0xDF, 1), (0xE0, 0xEF, 2), (0xF0, 0xF4, 3))
_NARROW = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}
_FOLLOWING = np.zeros(256, np.int64)
for _from, _upto, _count in _LEADS:
    _FOLLOWING[_from : _upto + 1] = _count
_SECOND = np.array([_NARROW.get(lead, (0x80, 0xBF)) for lead in range(256)], np.int64)


@compiled(FLAG(BYTES, WORD, WORD))
def _is_utf8(data: Bytes, at: Number, end: Number) -> Number:
    while at < end:
        lead = data[at]
        at += _ONE
        if lead < 0x80:
            continue
        following = _FOLLOWING[lead]
        if following == 0 or end - at < _U(following) or not _SECOND[lead, 0] <= data[at] <= _SECOND[lead, 1]:
            return False
        for _ in range(following):
            if data[at] >> 6 != 0b10:
                return False
            at += _ONE
    return True


@compiled(several(WORD, WORD, WORD)(BYTES, WORD, WORD, WORD))
def _rest(data: Bytes, at: Number, end: Number, first: Number) -> Any:
    """The rest of a number whose first byte says that more follow: value, position behind it, bytes with high bit."""
    value, shift, high = first & _LOW, _SEVEN, _ONE
    while at < end and shift < _BITS:
        byte = _U(data[at])
        at += _ONE
        value |= (byte & _LOW) << shift
        shift += _SEVEN
        if byte < _MORE:
            return value, at, high
        high += _ONE
    return value, _BROKEN_AT, high


@compiled(several(WORD, WORD)(BYTES, WORD, WORD, WORD, FLAG))
def _step_over(data: Bytes, at: Number, end: Number, count: Number, is_checked: Number) -> Any:
    """Texts of an array: the position behind them, and the bytes of their lengths with the high bit."""
    high = _U(0)
    while count > _U(0):
        count -= _ONE
        if at >= end:
            return _BROKEN_AT, high
        size = _U(data[at])
        at += _ONE
        if size >= _MORE:
            size, at, more = _rest(data, at, end, size)
            high += more
        if at == _BROKEN_AT or size & _ONE or (size >> _ONE) > end - at:
            return _BROKEN_AT, high
        size >>= _ONE
        if is_checked and not _is_utf8(data, at, at + size):
            return _BROKEN_AT, high
        at += size
    return at, high


@compiled(INT(BYTES, INT, INT, INTS, INTS, TABLE, TABLE, TABLE, INT, FLAG))
def _walk(  # noqa: C901, PLR0911, PLR0912 - a call for each field would cost as much as the field
    data: Bytes, begin: Number, stop: Number, runs: Ints, slots: Ints, starts: Ints, sizes: Ints, numbers: Ints,
    record: Number, is_checked: Number,
) -> Number:  # fmt: skip
    """Walk one body; how many bytes outside its texts have the high bit, -1 for a body that cannot be read."""
    at, end, high = _U(begin), _U(stop), _U(0)
    field = 0
    for run in range(0, len(runs), 2):
        kind, last = runs[run], field + runs[run + 1]
        while field < last:
            if kind == _DOUBLE:
                if end - at < _EIGHT:
                    return -1
                for _ in range(8):
                    high += _U(data[at] >> 7)
                    at += _ONE
                field += 1
                continue
            if at >= end:  # what begins here is a number, the length of a text, or of an array's next block
                return -1
            value = _U(data[at])
            at += _ONE
            if value >= _MORE:
                value, at, more = _rest(data, at, end, value)
                high += more
                if at == _BROKEN_AT:
                    return -1
            half, slot = value >> _ONE, slots[field]
            if kind == _NUMBER:
                numbers[slot, record] = np.int64(half) ^ -np.int64(value & _ONE)
            elif value & _ONE:
                return -1  # negative; for a block it would say that its size in bytes follows: no encoder of ours does
            elif kind == _TEXT:
                if half > end - at or (is_checked and not _is_utf8(data, at, at + half)):
                    return -1
                starts[slot, record], sizes[slot, record] = np.int64(at), np.int64(half)
                at += half
            elif half > _U(0):
                at, more = _step_over(data, at, end, half, is_checked)
                high += more
                if at == _BROKEN_AT:
                    return -1
                continue  # another block, or the empty one that ends the array
            field += 1
    return np.int64(high)


@compiled(NOTHING(BYTES, INTS, BYTES, INTS, INTS, TABLE, TABLE, TABLE, INTS))
def _walk_all(
    data: Bytes, ends: Ints, header: Bytes, runs: Ints, slots: Ints, starts: Ints, sizes: Ints, numbers: Ints,
    verdicts: Ints,
) -> None:  # fmt: skip
    begin = 0
    for record in range(len(ends)):
        end, body = ends[record], begin + HEADER_SIZE
        verdict = GOOD if body <= end else OTHER
        if verdict == GOOD:
            for at in range(HEADER_SIZE):
                if data[begin + at] != header[at]:
                    verdict = OTHER
        if verdict == GOOD:
            outside = _walk(data, body, end, runs, slots, starts, sizes, numbers, record, _QUICKLY)
            high = 0
            for at in range(body, end):
                high += data[at] >> 7
            if outside >= 0 and outside != high:  # a text has bytes that are no ASCII, and needs a closer look
                outside = _walk(data, body, end, runs, slots, starts, sizes, numbers, record, _CLOSELY)
            if outside < 0:
                verdict = BROKEN
        verdicts[record] = verdict
        begin = end


@compiled(INT(BYTES, TABLE, TABLE, INT, INTS, IDS))
def first_halves(data: Bytes, starts: Ints, sizes: Ints, slot: Number, rows: Ints, ids: Ids) -> Number:
    """Read texts of 32 lower-case hex digits: the first 16 of each as a number; how many texts are none such."""
    strange = 0
    for place in range(len(rows)):
        begin = starts[slot, rows[place]]
        size = sizes[slot, rows[place]]
        half = _U(0)
        is_strange = size != 32
        for at in range(begin, begin + min(size, 32)):
            digit = data[at]
            if 48 <= digit <= 57:
                digit -= 48
            elif 97 <= digit <= 102:
                digit -= 87
            else:
                is_strange = True
            if at < begin + 16:
                half = (half << _U(4)) | _U(digit & 15)
        ids[place] = half
        strange += is_strange
    return strange
