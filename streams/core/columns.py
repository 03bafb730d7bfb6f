"""A batch of topic values as columns, without decoding one record.

Bodies in the newest schema of their record are walked where they lie (`bodies.py`). What cannot be walked is
decoded alone: it is broken, and the decoder says why; or it is in an older schema, and is walked in the newest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from schemas.aggregates import Tick
from schemas.avro import Codec, newest
from schemas.errors import FailureCode, Permanent
from schemas.events import EmailEvent
from schemas.identity import digest
from streams.core.bodies import Block, Layout, layout_of, walk
from streams.core.compiled import Ids, Ints
from streams.core.walking import GOOD, first_halves

_OWN_ID = re.compile("[0-9a-f]{32}")

Values = Sequence[bytes | None]


@dataclass(slots=True)
class Columns:
    """One batch of events: the values at `rows` of `block`, in order.

    `clock[i]`: the partition clock at record i (ms). `broken`: positions that cannot be read, and why.
    """

    block: Block
    rows: Ints
    clock: Ints
    broken: dict[int, Permanent]


@dataclass(slots=True)
class Read:
    """The records of one type in a batch, at `rows`. `others`: positions of other types; `broken`: and why."""

    block: Block
    rows: Ints
    others: list[int]
    broken: dict[int, Permanent]


def read_columns(values: Values, columns: Sequence[str], codec: Codec, clock: int) -> Columns:
    """Email events as columns; ticks among them become the clock. `clock`: before the batch (ms)."""
    read = read_records(values, EmailEvent, columns, codec)
    stamps = np.zeros(len(values), np.int64)
    for position in read.others:
        try:
            value = values[position]  # None: a tombstone in a topic that is never compacted, somebody's test
            stamps[position] = 0 if value is None else codec.decode(value, Tick).at
        except Permanent as error:
            read.broken[position] = error
    stamps[read.rows] = read.block.number("received_at")[read.rows]
    stamps = np.maximum.accumulate(np.maximum(stamps, clock))
    return Columns(read.block, read.rows, stamps, read.broken)


def read_records(values: Values, record: type, columns: Sequence[str], codec: Codec) -> Read:
    """The batch's records of a type, in order, with the asked columns of texts and numbers."""
    layout = _layout(record, tuple(columns), codec.header(record))
    whole = [value or b"" for value in values] if None in values else values
    block = walk(whole, layout)  # type: ignore[arg-type]  # no None is left
    if not block.verdicts.any():
        return Read(block, np.arange(len(values)), [], {})
    others: list[int] = []
    broken: dict[int, Permanent] = {}
    mended: dict[int, bytes] = {}
    for position in np.flatnonzero(block.verdicts).tolist():
        value = values[position]
        try:
            if value is None or codec.version_of(value).record is not record:
                others.append(position)
            else:
                mended[position] = codec.encode(codec.decode(value, record))
        except Permanent as error:
            broken[position] = error
    if mended:
        block = walk([mended.get(at, value or b"") for at, value in enumerate(values)], layout)
        lost = [at for at in mended if block.verdicts[at] != GOOD]  # none, or nobody would ever hear of them
        broken.update((at, Permanent(FailureCode.UNDECODABLE, "the record cannot be read as columns")) for at in lost)
    return Read(block, np.flatnonzero(block.verdicts == GOOD), others, broken)


@cache
def _layout(record: type, columns: tuple[str, ...], header: bytes) -> Layout:
    return layout_of(newest(record), columns, header)


def ids_of(block: Block, rows: Ints) -> Ids:
    """64 bits of each event id: its first 16 hex characters, or of its hash if it is none of ours."""
    ids = np.empty(len(rows), np.uint64)
    strange = first_halves(block.data, block.starts, block.sizes, block.slot("event_id"), rows, ids)
    if strange:
        texts = [block.text("event_id", row) for row in rows.tolist()]
        ids = np.fromiter(map(_id, texts), np.uint64, len(texts))
    return ids


def _id(text: str) -> int:
    if _OWN_ID.fullmatch(text) is None:
        text = digest(text)
    return int(text[:16], 16)
