"""The ledger's tables, and the compiled loops that fill them: one pass over a batch of partials, whatever its size.

A *cell* is what one partition says about one source and minute of a key: a newer offset replaces its counts, an
older or equal one changes nothing. A *minute* of a key is the sum of its cells. Minutes, and sources, hang on
their key in a chain: each holds the place of the one before it plus one, the key that of the last one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from streams.core.compiled import (
    BYTES,
    FLAGS,
    INT,
    INTS,
    NOTHING,
    SMALL_TABLE,
    TABLE,
    Bytes,
    Flags,
    Ints,
    Number,
    compiled,
    several,
)
from streams.core.names import MAKING, NAMES, Arrays, find_in
from streams.core.reputation.series import KEPT_MS, MINUTE_MS

# Columns of the tables. Minutes are numbers since the epoch, times in ms.
MINUTE, KEY, TOTAL, NEXT = range(4)  # of cells: TOTAL the minute's place, NEXT the offset applied plus one
BEFORE, SOURCE = 2, 3  # of minutes and sources, beside MINUTE (a source's newest) and KEY; of sources only
AS_OF, NEWEST, OLDEST_NEW, LAST_MINUTE, LAST_SOURCE, IS_CHANGED = range(6)  # of keys

_SEPARATOR = 0x1F
_MINUTE_BITS = np.int64(34)  # of a minute's name, below its key's place; minutes of the year 9999 take 33
_MINUTE_MASK = np.int64((1 << 34) - 1)
_SOURCE_BITS = np.int64(32)


class Held(NamedTuple):
    """A table, as loops take it: names, counts by place and metric, numbers by column and place."""

    names: Arrays
    counts: Any
    numbers: Ints


class Tables(NamedTuple):
    """All of them. Cells are named by partition and record key, minutes by key and minute, keys by the text of
    tenant, kind and key, sources of a key by key and source, and source names by themselves.
    """

    cells: Held
    minutes: Held
    keys: Held
    sources: Held
    source_names: Arrays


_HELD = types.NamedTuple([NAMES, SMALL_TABLE, TABLE], Held)  # type: ignore[no-untyped-call]
_TABLES = types.NamedTuple([_HELD, _HELD, _HELD, _HELD, NAMES], Tables)  # type: ignore[no-untyped-call]


@compiled(INT(BYTES, TABLE))
def split_keys(names: Bytes, ends: Ints) -> Number:
    """Where the key and the source end in each name; the rest is its minute, up to `ends[2]`.

    The place of the first name that has no three parts, -1 if all have.
    """
    begin = 0
    for row in range(ends.shape[1]):
        at, found = ends[2, row] - 1, 0
        while at >= begin and found < 2:
            if names[at] == _SEPARATOR:
                ends[1 - found, row] = at
                found += 1
            at -= 1
        if found < 2:
            return row
        begin = ends[2, row]
    return -1


# What a named tuple holds is taken out of it before a loop: each time costs as much as a look-up.


@compiled(NOTHING(_TABLES, BYTES, TABLE, TABLE, INTS, INTS))
def _fill_cells(tables: Tables, names: Bytes, ends: Ints, numbers: Ints, new: Ints, places: Ints) -> None:
    """Give new cells the minute, key and source they belong to."""
    cells, minutes = tables.cells.numbers, tables.minutes.numbers
    keys, sources = tables.keys.numbers, tables.sources.numbers
    key_slots, key_entries, key_arena, key_heads = tables.keys.names
    slots, entries, arena, heads = tables.minutes.names
    name_slots, name_entries, name_arena, name_heads = tables.source_names
    said_slots, said_entries, said_arena, said_heads = tables.sources.names
    for row in new:
        begin, cell = ends[2, row - 1] if row > 0 else 0, places[row]
        minute = numbers[1, row] // MINUTE_MS
        key = find_in(key_slots, key_entries, key_arena, key_heads, 0, names, begin, ends[0, row], MAKING)
        if key < 0:
            key = -2 - key
        name = key << _MINUTE_BITS | minute & _MINUTE_MASK
        total = find_in(slots, entries, arena, heads, name, names, 0, 0, MAKING)
        if total < 0:
            total = -2 - total
            minutes[total, MINUTE], minutes[total, KEY] = minute, key
            minutes[total, BEFORE] = keys[key, LAST_MINUTE]
            keys[key, LAST_MINUTE] = total + 1
        begin, end = ends[0, row] + 1, ends[1, row]
        said = find_in(name_slots, name_entries, name_arena, name_heads, 0, names, begin, end, MAKING)
        if said < 0:
            said = -2 - said
        name = key << _SOURCE_BITS | said
        source = find_in(said_slots, said_entries, said_arena, said_heads, name, names, 0, 0, MAKING)
        if source < 0:
            source = -2 - source
            sources[source, MINUTE], sources[source, KEY], sources[source, SOURCE] = minute, key, said
            sources[source, BEFORE] = keys[key, LAST_SOURCE]
            keys[key, LAST_SOURCE] = source + 1
        sources[source, MINUTE] = max(sources[source, MINUTE], minute)
        cells[cell, MINUTE], cells[cell, KEY], cells[cell, TOTAL] = minute, key, total


@compiled(INTS(_TABLES, BYTES, TABLE, TABLE))
def _find_cells(tables: Tables, names: Bytes, ends: Ints, numbers: Ints) -> Ints:
    """The place of each row's cell; missing ones are made."""
    slots, entries, arena, heads = tables.cells.names
    places, new = np.empty(ends.shape[1], np.int64), np.empty(ends.shape[1], np.int64)
    begin, made = 0, 0
    for row in range(len(places)):
        places[row] = find_in(slots, entries, arena, heads, numbers[0, row], names, begin, ends[2, row], MAKING)
        begin = ends[2, row]
        if places[row] < 0:
            places[row] = -2 - places[row]
            new[made] = row
            made += 1
    _fill_cells(tables, names, ends, numbers, new[:made], places)
    return places


@compiled(several(INT, INTS)(_TABLES, BYTES, TABLE, TABLE, TABLE))
def take(tables: Tables, names: Bytes, ends: Ints, numbers: Ints, counts: Ints) -> Any:
    """Take partials in; how many said something new, and the keys that were not marked as changed before.

    The tables have room for as many new rows.

    `numbers`: shape (6, rows): partition, minute (ms), offset applied, watermark, oldest new and newest receipt.
    `counts`: shape (metrics, rows).
    """
    keys, cells = tables.keys.numbers, tables.cells.numbers
    held, sums = tables.cells.counts, tables.minutes.counts
    places = _find_cells(tables, names, ends, numbers)
    for row in range(len(places)):
        key = cells[places[row], KEY]
        keys[key, AS_OF] = max(keys[key, AS_OF], numbers[3, row])  # no minute is beyond it, but of a clock ahead
        keys[key, NEWEST] = max(keys[key, NEWEST], numbers[5, row])
    news, marked = 0, 0
    changed = np.empty(len(places), np.int64)
    for row in range(len(places)):
        cell = places[row]
        key = cells[cell, KEY]
        if numbers[2, row] < cells[cell, NEXT] or cells[cell, MINUTE] < (keys[key, AS_OF] - KEPT_MS) // MINUTE_MS:
            continue
        news += 1
        total = cells[cell, TOTAL]
        for metric in range(len(counts)):
            more = np.int32(counts[metric, row]) - held[cell, metric]
            held[cell, metric] += more
            sums[total, metric] += more
        cells[cell, NEXT] = numbers[2, row] + 1
        oldest = numbers[4, row]
        if oldest != 0 and (keys[key, OLDEST_NEW] == 0 or oldest < keys[key, OLDEST_NEW]):
            keys[key, OLDEST_NEW] = oldest
        if not keys[key, IS_CHANGED]:
            keys[key, IS_CHANGED] = 1
            changed[marked] = key
            marked += 1
    return news, changed[:marked].copy()


@compiled(INTS(TABLE, INT))
def chained(numbers: Ints, last: Number) -> Ints:
    """The places of a chain, the first one first. `last`: what the key holds."""
    size, at = 0, last
    while at > 0:
        size += 1
        at = numbers[at - 1, BEFORE]
    places = np.empty(size, np.int64)
    at = last
    while at > 0:
        size -= 1
        places[size] = at - 1
        at = numbers[at - 1, BEFORE]
    return places


@compiled(NOTHING(TABLE, TABLE, INT, FLAGS))
def unchain(numbers: Ints, keys: Ints, column: Number, is_gone: Flags) -> None:
    """Take places out of their chains, which begin in this column of the keys. `is_gone`: by place."""
    for key in range(len(keys)):
        kept, at = np.int64(-1), keys[key, column]
        while at > 0:
            place = at - 1
            at = numbers[place, BEFORE]
            if is_gone[place]:
                if kept < 0:
                    keys[key, column] = at
                else:
                    numbers[kept, BEFORE] = at
            else:
                kept = place
