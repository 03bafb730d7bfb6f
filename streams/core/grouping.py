"""Compiled loops that group: equal texts to one code, equal combinations of codes to one row of counts.

Hash tables of one batch (open addressing, linear probing), compared by content, never by hash alone. Texts
that somebody made to collide cost what a batch of them can: its size is the bound.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.core.compiled import (
    BYTES,
    FLAG,
    INT,
    INTS,
    OUT_BYTES,
    SMALL_TABLE,
    TABLE,
    WORD,
    Bytes,
    Ints,
    Number,
    SmallInts,
    compiled,
    several,
)

_LAST = np.iinfo(np.int64).max
_U = np.uint64
_BASIS, _PRIME = _U(0xCBF29CE484222325), _U(0x100000001B3)  # FNV-1a
_MIX = _U(0x9E3779B97F4A7C15)  # Fibonacci hashing (Knuth, TAOCP 3, 6.4)
_HALF = _U(32)
_MINUS, _ZERO = ord("-"), ord("0")
_NUMBER_SIZE = 20  # the longest of 64 bits, with its sign


@compiled(INT(INT))
def _table_size(count: Number) -> Number:
    """A power of two, so that at most half the slots are taken."""
    size = 16
    while size < 2 * count:
        size *= 2
    return size


@compiled(INT(WORD))
def _spread(mixed: Number) -> Number:
    return np.int64((mixed * _MIX) >> _HALF)


@compiled(FLAG(BYTES, TABLE, TABLE, INTS, INT, INT))
def _are_equal(data: Bytes, starts: Ints, sizes: Ints, slots: Ints, one: Number, other: Number) -> bool:
    for slot in slots:
        if sizes[slot, one] != sizes[slot, other]:
            return False
        begin, offset = starts[slot, one], starts[slot, other] - starts[slot, one]
        for at in range(begin, begin + sizes[slot, one]):
            if data[at] != data[at + offset]:
                return False
    return True


@compiled(INT(BYTES, INT, INT, OUT_BYTES, INT))
def _put(data: Bytes, begin: Number, size: Number, out: Bytes, at: Number) -> Number:
    for byte in range(size):
        out[at + byte] = data[begin + byte]
    return at + size


@compiled(INTS(BYTES, TABLE, TABLE, INTS, INTS, INTS, TABLE, TABLE))
def code_texts(
    data: Bytes, starts: Ints, sizes: Ints, slots: Ints, group_ends: Ints, rows: Ints, codes: Ints, firsts: Ints
) -> Ints:
    """Give rows that are equal in some text columns one code, dense from 0; for several groups of columns at once.

    `slots`: the columns, those of group g up to `group_ends[g]`. `rows`: which values of the block. Fills, by
    group, `codes` by place in `rows`, and `firsts`: the value where a code occurred first. Returns how many
    codes each group has.
    """
    size = _table_size(len(rows))
    table = np.empty(size, np.int64)
    hashes = np.empty(size, np.uint64)
    found = np.zeros(len(group_ends), np.int64)
    for group in range(len(group_ends)):
        columns = slots[group_ends[group - 1] if group > 0 else 0 : group_ends[group]]
        table[:] = -1
        for place in range(len(rows)):
            row = rows[place]
            if place > 0 and _are_equal(data, starts, sizes, columns, row, rows[place - 1]):
                codes[group, place] = codes[group, place - 1]  # events of one post follow each other
                continue
            mixed = _BASIS
            for slot in columns:
                begin = starts[slot, row]
                for at in range(begin, begin + sizes[slot, row]):
                    mixed = (mixed ^ _U(data[at])) * _PRIME
                mixed = (mixed ^ _U(0xFF)) * _PRIME  # no text has this byte
            at = _spread(mixed) & (size - 1)
            while table[at] >= 0:
                if hashes[at] == mixed and _are_equal(data, starts, sizes, columns, row, firsts[group, table[at]]):
                    break
                at = (at + 1) & (size - 1)
            if table[at] < 0:
                table[at], hashes[at] = found[group], mixed
                firsts[group, found[group]] = row
                found[group] += 1
            codes[group, place] = table[at]
    return found


@compiled(several(OUT_BYTES, INTS)(BYTES, TABLE, TABLE, INTS, INTS, INT))
def join_texts(data: Bytes, starts: Ints, sizes: Ints, slots: Ints, rows: Ints, mark: Number) -> Any:
    """Some columns' texts of each row with `mark` behind each, in one text; and where each row's end."""
    total = 0
    for row in rows:
        for slot in slots:
            total += sizes[slot, row] + 1
    out = np.empty(total, np.uint8)
    ends = np.empty(len(rows), np.int64)
    at = 0
    for place in range(len(rows)):
        for slot in slots:
            at = _put(data, starts[slot, rows[place]], sizes[slot, rows[place]], out, at)
            out[at] = mark
            at += 1
        ends[place] = at
    return out, ends


@compiled(TABLE(SMALL_TABLE, INT, INT))
def _sums(entries: SmallInts, rows: Number, width: Number) -> Ints:
    """Counts by row and metric. Summed when all entries are there: twice as fast as one by one, in a table so wide."""
    counts = np.zeros((rows, width), np.int64)
    for entry in range(len(entries)):
        counts[entries[entry, 0], entries[entry, 2]] += entries[entry, 3]
    return counts


@compiled(several(TABLE, TABLE, SMALL_TABLE)(TABLE, INTS, TABLE, INTS, INTS, INTS, INTS, TABLE, INTS, INT))
def count_rows(
    kinds: Ints, frame: Ints, parts: Ints, is_empty: Ints, minutes: Ints, received: Ints, meanings: Ints, metrics: Ints,
    seconds: Ints, width: Number,
) -> Any:  # fmt: skip
    """Count events by (kind, frame, parts of the kind's key, minute).

    `kinds`: shape (kinds, 2), the parts that make a key, -1 where there is no second one. `frame`, `minutes`,
    `received`, `meanings`, `seconds`: by event. `parts`: shape (parts, events), codes; `is_empty`: each part's code of
    the empty text, -1 if it has none; an event whose part is empty has no key of that kind. `metrics`: shape (meanings,
    2), what an event of a meaning counts as, and beside it, -1 for nothing.
    Returns numbers, shape (rows, 4): kind, first event, oldest and newest `received`; counts, shape (rows, `width`);
    and the same counts by `seconds`, shape (entries, 4): row, second, metric, how many; a second may come again.
    """
    most = len(frame) * len(kinds)
    table = np.full(_table_size(most), -1, np.int64)
    numbers = np.empty((most, 4), np.int64)
    entries = np.empty((2 * most, 4), np.int32)  # an event counts as two things at most
    newest = np.zeros((most, width), np.int32)  # each row's and metric's last entry, plus one
    found = made = 0
    for event in range(len(frame)):
        base = (_U(frame[event]) * _PRIME) ^ _U(minutes[event])
        what, part = metrics[meanings[event], 0], metrics[meanings[event], 1]
        for kind in range(len(kinds)):
            one, other = kinds[kind, 0], kinds[kind, 1]
            if parts[one, event] == is_empty[one] or (other >= 0 and parts[other, event] == is_empty[other]):
                continue
            mixed = (base * _PRIME) ^ _U(parts[one, event] * 16 + kind)
            if other >= 0:
                mixed = (mixed * _PRIME) ^ _U(parts[other, event])
            at = _spread(mixed) & (len(table) - 1)
            row = table[at]
            while row >= 0:
                first = numbers[row, 1]
                if (
                    numbers[row, 0] == kind and frame[first] == frame[event] and minutes[first] == minutes[event]
                    and parts[one, first] == parts[one, event]
                    and (other < 0 or parts[other, first] == parts[other, event])
                ):  # fmt: skip
                    break
                at = (at + 1) & (len(table) - 1)
                row = table[at]
            if row < 0:
                table[at] = row = found
                found += 1
                numbers[row, 0], numbers[row, 1] = kind, event
                numbers[row, 2], numbers[row, 3] = _LAST, 0
            metric = what
            while metric >= 0:
                entry = newest[row, metric] - 1
                if entry < 0 or entries[entry, 1] != seconds[event]:
                    entry = made
                    made += 1
                    entries[entry, 0], entries[entry, 1] = row, seconds[event]
                    entries[entry, 2], entries[entry, 3] = metric, 0
                    newest[row, metric] = made
                entries[entry, 3] += 1
                metric = part if metric == what else -1
            numbers[row, 2:] = min(numbers[row, 2], received[event]), max(numbers[row, 3], received[event])
    return numbers[:found].copy(), _sums(entries[:made], found, width), entries[:made].copy()


@compiled(INT(INT, OUT_BYTES, INT))
def _put_number(number: Number, out: Bytes, at: Number) -> Number:
    """In decimal digits."""
    if number < 0:
        out[at] = _MINUS
        at += 1
        number = -number
    digits = 1
    rest = number // 10
    while rest > 0:
        digits += 1
        rest //= 10
    for digit in range(digits - 1, -1, -1):
        out[at + digit] = _ZERO + number % 10
        number //= 10
    return at + digits


@compiled(several(OUT_BYTES, INTS)(BYTES, TABLE, TABLE, INTS, TABLE, INTS, TABLE, INTS, BYTES, INTS, BYTES))
def join_keys(
    data: Bytes, starts: Ints, sizes: Ints, frame: Ints, kinds: Ints, rows: Ints, numbers: Ints, minutes: Ints,
    names: Bytes, name_ends: Ints, marks: Bytes,
) -> Any:  # fmt: skip
    """The rows' keys in one text, and where each one ends.

    `frame`: the slots of tenant and source. `kinds` as for `count_rows`, with slots in place of parts.
    `names`: the kinds' names, up to `name_ends`. `marks`: what separates the fields, and the parts of a key.
    """
    total = 0
    for row in range(len(numbers)):
        kind, value = numbers[row, 0], rows[numbers[row, 1]]
        total += len(names) + _NUMBER_SIZE + 5
        total += sizes[frame[0], value] + sizes[frame[1], value] + sizes[kinds[kind, 0], value]
        if kinds[kind, 1] >= 0:
            total += sizes[kinds[kind, 1], value]
    out = np.empty(total, np.uint8)
    ends = np.empty(len(numbers), np.int64)
    at = 0
    for row in range(len(numbers)):
        kind, event = numbers[row, 0], numbers[row, 1]
        value = rows[event]
        at = _put(data, starts[frame[0], value], sizes[frame[0], value], out, at)
        out[at] = marks[0]
        begin = name_ends[kind - 1] if kind > 0 else 0
        at = _put(names, begin, name_ends[kind] - begin, out, at + 1)
        out[at] = marks[0]
        at = _put(data, starts[kinds[kind, 0], value], sizes[kinds[kind, 0], value], out, at + 1)
        other = kinds[kind, 1]
        if other >= 0:
            out[at] = marks[1]
            at = _put(data, starts[other, value], sizes[other, value], out, at + 1)
        out[at] = marks[0]
        at = _put(data, starts[frame[1], value], sizes[frame[1], value], out, at + 1)
        out[at] = marks[0]
        at = _put_number(minutes[event], out, at + 1)
        ends[row] = at
    return out[:at].copy(), ends
