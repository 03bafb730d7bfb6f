"""Avro bodies of one schema as a block of ClickHouse's Native format.

Native is what ClickHouse reads fastest: columns, each with its name and type in front. The types follow from the
Avro schema alone; where a table's column has another one (a shorter integer, LowCardinality), ClickHouse converts
the whole column at once. What to do with a body is worked out once a schema version (`Program`) and done by a
compiled loop (`transcoding.py`). ClickHouse documentation, "Native"; its setting
`input_format_native_allow_types_conversion`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from schemas.avro import SchemaVersion
from schemas.encoding import unsigned
from streams.core.compiled import Bytes, Ids, Ints, as_bytes
from streams.core.transcoding import (
    ARRAY,
    BLOB,
    DOUBLE,
    END,
    FOREIGN,
    GOOD,
    HUGE,
    LONG,
    NEGATIVE,
    NUMBER,
    SHORT,
    TEXT,
    check_all,
    write_all,
)

_PLAIN = {
    "string": (TEXT, "String"),
    "bytes": (BLOB, "String"),
    "long": (NUMBER, "Int64"),
    "double": (DOUBLE, "Float64"),
    "timestamp-millis": (NUMBER, "DateTime64(3)"),
}
_REASONS = {
    SHORT: "it ends too early",
    LONG: "it goes on after its last field",
    HUGE: "a number in it has more than 64 bits",
    NEGATIVE: "a length in it is negative",
    FOREIGN: "a text in it is not UTF-8",
}


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """How to write one schema version. By step: its kind, its column, where it jumps to (arrays and their ends).

    `names`: of the table's columns. `heads`: what stands in front of each column written; an array's items and a
    record's fields are columns, too, with nothing in front.
    """

    names: tuple[str, ...]
    heads: tuple[bytes, ...]
    kinds: Ints
    columns: Ints
    jumps: Ints


@dataclass(frozen=True, slots=True)
class Native:
    """What became of some values: `data` holds `rows` of them, `broken` says why the others (by position) are not."""

    data: bytes
    rows: int
    broken: dict[int, str]


def native(version: SchemaVersion, values: Sequence[bytes]) -> Native:
    """The block of these values, which all have the header of `version`."""
    program = program_of(version)
    data = as_bytes(b"".join(values))
    ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
    sizes, verdicts = np.zeros(len(program.heads), np.uint64), np.empty(len(values), np.int64)
    check_all(data, ends, program.kinds, program.columns, program.jumps, sizes, verdicts)
    rows = len(values) - int(np.count_nonzero(verdicts))
    out, cursors = _empty_block(program, rows, sizes)
    write_all(data, ends, program.kinds, program.columns, program.jumps, cursors, verdicts, out)
    broken = {at: _reason(version, int(verdicts[at])) for at in np.flatnonzero(verdicts != GOOD).tolist()}
    return Native(out.tobytes(), rows, broken)


@cache
def program_of(version: SchemaVersion) -> Program:
    """The program of a schema version. Raises TypeError for a field of a type that no table has."""
    fields = json.loads(version.path.read_text(encoding="utf-8"))["fields"]
    steps: list[list[int]] = []
    heads: list[bytes] = []
    for field in fields:
        place = len(heads)
        name = _add(field["type"], steps, heads)
        heads[place] = _sized(field["name"]) + _sized(name)
    kinds, columns, jumps = np.array(steps, np.int64).T.copy()
    return Program(tuple(field["name"] for field in fields), tuple(heads), kinds, columns, jumps)


def _add(avro: Any, steps: list[list[int]], heads: list[bytes]) -> str:
    """Append the steps and columns of a type; its name in ClickHouse."""
    kind = avro["type"] if isinstance(avro, dict) else avro
    if kind == "record":
        parts = [f"{field['name']} {_add(field['type'], steps, heads)}" for field in avro["fields"]]
        return f"Tuple({', '.join(parts)})"
    column, step = len(heads), len(steps)
    heads.append(b"")
    if kind == "array":
        steps.append([ARRAY, column, 0])
        inner = _add(avro["items"], steps, heads)
        steps.append([END, column, step + 1])
        steps[step][2] = len(steps)
        return f"Array({inner})"
    plain = avro.get("logicalType", kind) if isinstance(avro, dict) else avro
    if plain not in _PLAIN:
        raise TypeError(f"no column for the Avro type {avro!r}; string, bytes, long, double, a time, or an array")
    number, name = _PLAIN[plain]
    steps.append([number, column, 0])
    return name


def _empty_block(program: Program, rows: int, sizes: Ids) -> tuple[Bytes, Ids]:
    """A block with room for every column, and where each of them begins."""
    heads = [unsigned(len(program.names)) + unsigned(rows) + program.heads[0], *program.heads[1:]]
    lengths = np.array([len(head) for head in heads], np.uint64)
    begins = np.cumsum(lengths + sizes) - sizes
    out = np.empty(int(begins[-1] + sizes[-1]), np.uint8)
    for head, begin in zip(heads, begins.tolist(), strict=True):
        out[begin - len(head) : begin] = as_bytes(head)
    return out, begins


def _reason(version: SchemaVersion, verdict: int) -> str:
    return f"the body does not match schema {version.path.stem}: {_REASONS[verdict]}"


def _sized(text: str) -> bytes:
    data = text.encode()
    return unsigned(len(data)) + data
