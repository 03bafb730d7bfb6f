"""A batch of topic values as columns, without decoding one record.

Bodies of one schema version are wrapped as the single block of an Avro container and read natively.
A value that spoils its block is found by decoding one by one, and left out under a reason; both ways
give the same frame (property test).
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from schemas.aggregates import Tick
from schemas.avro import HEADER_SIZE, Codec, SchemaVersion, whole_container
from schemas.errors import Permanent
from schemas.events import EmailEvent
from schemas.identity import digest

_SMALL = 150  # ids: below this, Python is quicker than expressions
_OWN_ID = re.compile("[0-9a-f]{32}")
_IS_OWN_ID = pl.col("event_id").str.contains("^[0-9a-f]{32}$").all().alias("is_own")
_FIRST_HALF = (
    pl.col("event_id").str.head(16).str.decode("hex", strict=False)
    .bin.reinterpret(dtype=pl.UInt64, endianness="big").alias("half")
)  # fmt: skip

Values = Sequence[bytes | None]


@dataclass(slots=True)
class Columns:
    """One batch of events. `frame` has the asked columns, times as integers (ms), and `position` in the batch.

    `clock[i]`: the partition clock at record i (ms). `broken`: positions that cannot be read, and why.
    """

    frame: pl.DataFrame
    clock: npt.NDArray[np.int64]
    broken: dict[int, Permanent]


@dataclass(slots=True)
class Read:
    """The records of one type in a batch. `others`: positions of other types; `broken`: and why."""

    frame: pl.DataFrame
    others: list[int]
    broken: dict[int, Permanent]


def read_columns(values: Values, columns: Sequence[str], codec: Codec, clock: int) -> Columns:
    """Email events as columns; ticks among them become the clock. `clock`: before the batch (ms)."""
    read = read_records(values, EmailEvent, columns, codec)
    stamps = np.zeros(len(values), dtype=np.int64)
    for position in read.others:
        try:
            value = values[position]  # None: a tombstone in a topic that is never compacted, somebody's test
            stamps[position] = 0 if value is None else codec.decode(value, Tick).at
        except Permanent as error:
            read.broken[position] = error
    stamps[read.frame["position"].to_numpy()] = read.frame["received_at"].to_numpy()
    stamps = np.maximum.accumulate(np.maximum(stamps, clock))
    return Columns(read.frame, stamps, read.broken)


def read_records(values: Values, record: type, columns: Sequence[str], codec: Codec) -> Read:
    """The batch's records of a type, in order; `columns` in the order of the record's fields."""
    others: list[int] = []
    broken: dict[int, Permanent] = {}
    frames = []
    for head, positions in _by_head(values).items():
        try:
            version = codec.version_of(head)
        except Permanent as error:
            if head:
                broken.update(dict.fromkeys(positions, error))
            else:
                others += positions
            continue
        if version.record is record:
            frames.append(_read(values, positions, version, columns, codec, broken))
        else:
            others += positions
    if len(frames) == 1:
        return Read(frames[0], others, broken)
    empty = pl.DataFrame(schema={**_schema(record, columns), "position": pl.Int64})
    return Read(pl.concat(frames).sort("position") if frames else empty, others, broken)


def _by_head(values: Values) -> dict[bytes, Sequence[int]]:
    """Positions by wire header: most batches have one. No value at all has the header b""."""
    heads = [b"" if value is None else value[:HEADER_SIZE] or b"\0" for value in values]
    if len(set(heads)) == 1:
        return {heads[0]: range(len(heads))}
    groups: dict[bytes, Any] = {}
    for position, head in enumerate(heads):
        groups.setdefault(head, []).append(position)
    return groups


def _read(
    values: Values,
    positions: Sequence[int],
    version: SchemaVersion,
    columns: Sequence[str],
    codec: Codec,
    broken: dict[int, Permanent],
) -> pl.DataFrame:
    whole: Any = values if len(positions) == len(values) else [values[position] for position in positions]
    try:
        frame = pl.read_avro(io.BytesIO(whole_container(version, whole)), columns=list(columns))
        if len(frame) == len(positions):
            return _typed(frame, positions)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
        pass  # at least one body is broken: find out which
    return _read_rows(values, positions, version.record, columns, codec, broken)


def _read_rows(
    values: Values,
    positions: Sequence[int],
    record: type,
    columns: Sequence[str],
    codec: Codec,
    broken: dict[int, Permanent],
) -> pl.DataFrame:
    good: list[int] = []
    rows: list[tuple[object, ...]] = []
    for position in positions:
        try:
            item: object = codec.decode(values[position] or b"", record)
        except Permanent as error:
            broken[position] = error
            continue
        good.append(position)
        rows.append(tuple(getattr(item, column) for column in columns))
    return _typed(pl.DataFrame(rows, schema=_schema(record, columns), orient="row"), good)


def _schema(record: type, columns: Sequence[str]) -> dict[str, type[pl.DataType]]:
    """Column types of the row path: texts and whole numbers are all that anybody asks for."""
    hints = record.__annotations__ | {
        name: hint for base in record.__mro__[1:] for name, hint in getattr(base, "__annotations__", {}).items()
    }
    return {name: pl.Int64 if hints[name] in {"int", "Millis"} else pl.String for name in columns}


def _typed(frame: pl.DataFrame, positions: Sequence[int]) -> pl.DataFrame:
    """Times as integers, and the positions; in place, since an expression costs a third of a millisecond."""
    for place, dtype in enumerate(frame.dtypes):
        if dtype.is_temporal():
            frame.replace_column(place, frame.to_series(place).to_physical())
    return frame.insert_column(frame.width, pl.Series("position", positions, dtype=pl.Int64))


def ids_of(frame: pl.DataFrame) -> npt.NDArray[np.uint64]:
    """64 bits of each event id: its first 16 hex characters, or of its hash if it is none of ours."""
    ids = frame["event_id"]
    if len(ids) >= _SMALL:
        read = frame.select(_IS_OWN_ID, _FIRST_HALF)
        if read["is_own"].item(0):
            return read["half"].to_numpy()
    return np.fromiter((_id(text) for text in ids), dtype=np.uint64, count=len(ids))


def _id(text: str) -> int:
    if _OWN_ID.fullmatch(text) is None:
        text = digest(text)
    return int(text[:16], 16)
