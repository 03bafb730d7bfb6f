"""The compiled walks that turn Avro bodies into columns: ClickHouse's Native format, without the columns' names.

A record is walked twice, along the steps of a program (`native.py`): once to check it and to learn how long
each column becomes, once to write. Nothing is believed of a body: every length is compared with what is left
of it, and a record is good here exactly if a decoder takes all of its bytes and no number has more than 64 bits
(property test). Avro specification 1.11, "Binary encoding"; ClickHouse, `SerializationString`,
`SerializationNumber`, `SerializationArray`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.avro import HEADER_SIZE
from streams.core.compiled import (
    BYTES,
    IDS,
    INT,
    INTS,
    NOTHING,
    OUT_BYTES,
    WORD,
    Bytes,
    Ids,
    Ints,
    Number,
    compiled,
    several,
)
from streams.core.walking import BROKEN_AT, is_utf8, rest

TEXT, BLOB, NUMBER, DOUBLE, ARRAY, END = range(6)  # kinds of steps; END closes an item of an array
GOOD, SHORT, LONG, HUGE, NEGATIVE, FOREIGN = range(6)  # verdicts

_U = np.uint64
_NONE, _ONE, _THREE, _SEVEN, _EIGHT, _TEN = _U(0), _U(1), _U(3), _U(7), _U(8), _U(10)
_LOW, _MORE, _BYTE = _U(127), _U(128), _U(255)


@compiled(several(WORD, WORD)(BYTES, WORD, WORD, WORD))
def _sized_block(data: Bytes, at: Number, end: Number, count: Number) -> Any:
    """An array's block with a negative count: how many items it has, and the position behind its size in bytes."""
    if at >= end:
        return count, BROKEN_AT
    size = _U(data[at])
    at += _ONE
    if size >= _MORE:
        _, at, _ = rest(data, at, end, size)
    return (count >> _ONE) + _ONE, at


@compiled(WORD(WORD))
def _prefix(size: Number) -> Number:
    """How many bytes the length of a text takes, with seven bits in each."""
    count = _ONE
    while size >= _MORE:
        size >>= _SEVEN
        count += _ONE
    return count


@compiled(INT(BYTES, WORD, WORD, INTS, INTS, INTS, IDS, IDS))
def _check(  # noqa: C901, PLR0912 - a call for each step would cost as much as the step
    data: Bytes, at: Number, end: Number, kinds: Ints, columns: Ints, jumps: Ints, sizes: Ids, left: Ids
) -> Number:
    """The verdict on a body, whose columns are added to `sizes`. `left`: items of an array's block, by column."""
    step = 0
    while step < len(kinds):
        kind, column = kinds[step], columns[step]
        step += 1
        if end - at < (_EIGHT if kind == DOUBLE else _ONE):  # behind an END, too, something follows
            return SHORT
        if kind == DOUBLE:
            at += _EIGHT
            sizes[column] += _EIGHT
            continue
        if kind == END:
            left[column] -= _ONE
            step = jumps[step - 1]
            if left[column] > _NONE:
                continue
            kind = ARRAY  # another block follows, or the empty one that ends the array
        begin = at
        value = _U(data[at])
        at += _ONE
        if value >= _MORE:
            value, at, _ = rest(data, at, end, value)
        half = value >> _ONE
        if kind == ARRAY and value & _ONE and at != BROKEN_AT:
            half, at = _sized_block(data, at, end, value)
        if at == BROKEN_AT:
            return SHORT if end - begin < _TEN else HUGE
        if kind == NUMBER:
            sizes[column] += _EIGHT
        elif kind == ARRAY:
            left[column] = half
            if half == _NONE:
                sizes[column] += _EIGHT
                step = jumps[step - 1]
        elif value & _ONE:
            return NEGATIVE
        else:
            if half > end - at:
                return SHORT
            high = _NONE
            for place in range(at, at + half if kind == TEXT else at):
                high |= _U(data[place])
            if high >= _MORE and not is_utf8(data, at, at + half):
                return FOREIGN
            at += half
            sizes[column] += half + (_ONE if half < _MORE else _prefix(half))
    return GOOD if at == end else LONG


@compiled(WORD(OUT_BYTES, WORD, WORD))
def _put_size(out: Bytes, to: Number, size: Number) -> Number:
    """Seven bits a byte; the position behind them."""
    while size >= _MORE:
        out[to] = (size & _LOW) | _MORE
        size >>= _SEVEN
        to += _ONE
    out[to] = size
    return to + _ONE


@compiled(NOTHING(BYTES, WORD, WORD, INTS, INTS, INTS, IDS, IDS, IDS, OUT_BYTES))
def _write(  # noqa: C901, PLR0912, PLR0915 - as above
    data: Bytes, at: Number, end: Number, kinds: Ints, columns: Ints, jumps: Ints, cursors: Ids, left: Ids,
    items: Ids, out: Bytes,
) -> None:  # fmt: skip
    """Write a body that was checked, each column at its cursor. `items`: of an array's column, so far."""
    step = 0
    while step < len(kinds):
        kind, column = kinds[step], columns[step]
        to = cursors[column]
        step += 1
        if kind == DOUBLE:
            for place in range(_EIGHT):
                out[to + place] = data[at + place]
            at += _EIGHT
            cursors[column] = to + _EIGHT
            continue
        if kind == END:
            items[column] += _ONE
            left[column] -= _ONE
            step = jumps[step - 1]
            if left[column] > _NONE:
                continue
            kind = ARRAY
        value = _U(data[at])
        at += _ONE
        if value >= _MORE:
            value, at, _ = rest(data, at, end, value)
        half = value >> _ONE
        if kind == ARRAY:
            if value & _ONE:
                half, at = _sized_block(data, at, end, value)
            left[column] = half
            if half > _NONE:
                continue
            step = jumps[step - 1]
            word = items[column]
        elif kind == NUMBER:
            word = _U(np.int64(half) ^ -np.int64(value & _ONE))
        else:
            to = _put_size(out, to, half)
            for place in range(half):
                out[to + place] = data[at + place]
            at += half
            cursors[column] = to + half
            continue
        for place in range(_EIGHT):
            out[to + place] = (word >> (place << _THREE)) & _BYTE
        cursors[column] = to + _EIGHT


@compiled(NOTHING(BYTES, INTS, INTS, INTS, INTS, IDS, INTS))
def check_all(data: Bytes, ends: Ints, kinds: Ints, columns: Ints, jumps: Ints, sizes: Ids, verdicts: Ints) -> None:
    """Each record's verdict, and how many bytes the good ones make in each column. `ends`: of each value in `data`."""
    left, before = np.zeros_like(sizes), np.empty_like(sizes)
    begin = 0
    for record in range(len(ends)):
        before[:] = sizes
        body, end = _U(begin + HEADER_SIZE), _U(ends[record])
        verdicts[record] = _check(data, body, end, kinds, columns, jumps, sizes, left)
        if verdicts[record] != GOOD:
            sizes[:] = before
        begin = ends[record]


@compiled(NOTHING(BYTES, INTS, INTS, INTS, INTS, IDS, INTS, OUT_BYTES))
def write_all(
    data: Bytes, ends: Ints, kinds: Ints, columns: Ints, jumps: Ints, cursors: Ids, verdicts: Ints, out: Bytes
) -> None:
    """Write the good records. `cursors`: where in `out` each column begins, and in the end where it ends."""
    left, items = np.zeros_like(cursors), np.zeros_like(cursors)
    begin = 0
    for record in range(len(ends)):
        if verdicts[record] == GOOD:
            body, end = _U(begin + HEADER_SIZE), _U(ends[record])
            _write(data, body, end, kinds, columns, jumps, cursors, left, items, out)
        begin = ends[record]
