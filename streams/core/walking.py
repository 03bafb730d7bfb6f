"""The compiled walk over Avro bodies: where each asked text lies, what each asked number is.

A record is walked once, field by field; what nobody asked for is stepped over, but checked like the rest,
so a record is good here exactly if a decoder takes it (property test). Avro specification 1.11, "Binary
encoding"; UTF-8 by RFC 3629. Nothing is believed of a body: every length is compared with what is left of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.avro import HEADER_SIZE
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
    compiled,
    several,
)

TEXT, NUMBER, DOUBLE, TEXTS = range(4)  # kinds of fields
GOOD, BROKEN, OTHER = range(3)  # verdicts: read, not to be read, another header

_U = np.uint64
_ONE, _SEVEN, _EIGHT, _LOW, _MORE, _BITS = _U(1), _U(7), _U(8), _U(127), _U(128), _U(64)
_QUICKLY, _CLOSELY = False, True  # the second looks at texts too
BROKEN_AT = _U(0)  # no position behind a field: a header comes first


# RFC 3629, section 4: how many bytes follow a leading one, and what the first of them may be.
_LEADS = ((0xC2, 0xDF, 1), (0xE0, 0xEF, 2), (0xF0, 0xF4, 3))
_NARROW = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}
_FOLLOWING = np.zeros(256, np.int64)
for _from, _upto, _count in _LEADS:
    _FOLLOWING[_from : _upto + 1] = _count
_SECOND = np.array([_NARROW.get(lead, (0x80, 0xBF)) for lead in range(256)], np.int64)


@compiled(FLAG(BYTES, WORD, WORD))
def is_utf8(data: Bytes, at: Number, end: Number) -> Number:
    """Whether these bytes are a text."""
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
def rest(data: Bytes, at: Number, end: Number, first: Number) -> Any:
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
    return value, BROKEN_AT, high


@compiled(several(WORD, WORD)(BYTES, WORD, WORD, WORD, FLAG))
def _step_over(data: Bytes, at: Number, end: Number, count: Number, is_checked: Number) -> Any:
    """Texts of an array: the position behind them, and the bytes of their lengths with the high bit."""
    high = _U(0)
    while count > _U(0):
        count -= _ONE
        if at >= end:
            return BROKEN_AT, high
        size = _U(data[at])
        at += _ONE
        if size >= _MORE:
            size, at, more = rest(data, at, end, size)
            high += more
        if at == BROKEN_AT or size & _ONE or (size >> _ONE) > end - at:
            return BROKEN_AT, high
        size >>= _ONE
        if is_checked and not is_utf8(data, at, at + size):
            return BROKEN_AT, high
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
            if kind == DOUBLE:
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
                value, at, more = rest(data, at, end, value)
                high += more
                if at == BROKEN_AT:
                    return -1
            half, slot = value >> _ONE, slots[field]
            if kind == NUMBER:
                numbers[slot, record] = np.int64(half) ^ -np.int64(value & _ONE)
            elif value & _ONE:
                return -1  # negative; for a block it would say that its size in bytes follows: no encoder of ours does
            elif kind == TEXT:
                if half > end - at or (is_checked and not is_utf8(data, at, at + half)):
                    return -1
                starts[slot, record], sizes[slot, record] = np.int64(at), np.int64(half)
                at += half
            elif half > _U(0):
                at, more = _step_over(data, at, end, half, is_checked)
                high += more
                if at == BROKEN_AT:
                    return -1
                continue  # another block, or the empty one that ends the array
            field += 1
    return np.int64(high)


@compiled(NOTHING(BYTES, INTS, BYTES, INTS, INTS, TABLE, TABLE, TABLE, INTS))
def walk_all(
    data: Bytes, ends: Ints, header: Bytes, runs: Ints, slots: Ints, starts: Ints, sizes: Ints, numbers: Ints,
    verdicts: Ints,
) -> None:  # fmt: skip
    """Walk every value that has the header. The tables as in `bodies.Block`; `ends`: of each value in `data`."""
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
