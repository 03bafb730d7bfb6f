"""Avro bodies of one schema, read where they lie: the place of each text, the value of each number.

What to look for is worked out once from the schema (`Layout`); a batch is then walked by a compiled loop
(`walking.py`) and answers questions about many rows at once (`Block`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from schemas.avro import SchemaVersion
from streams.core.compiled import Bytes, Ints, as_bytes, slices
from streams.core.grouping import code_texts, join_texts
from streams.core.walking import DOUBLE, NUMBER, TEXT, TEXTS, walk_all

_KINDS = {"string": TEXT, "long": NUMBER, "double": DOUBLE}
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
    asked: dict[int, list[str]] = {TEXT: [], NUMBER: []}
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
    if unknown := set(columns) - {*asked[TEXT], *asked[NUMBER]}:
        raise TypeError(f"no column for {min(unknown)}: {version.path.stem} has no such field")
    return Layout(
        as_bytes(header), np.array(runs, np.int64).ravel(), np.array(slots, np.int64),
        tuple(asked[TEXT]), tuple(asked[NUMBER]),
    )  # fmt: skip


def _kind(avro: Any) -> int:
    plain = avro["type"] if isinstance(avro, dict) else avro
    if plain == "array" and avro["items"] == "string":
        return TEXTS
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
    walk_all(data, ends, layout.header, layout.runs, layout.slots, starts, sizes, numbers, verdicts)
    return Block(layout, data, starts, sizes, numbers, verdicts)
