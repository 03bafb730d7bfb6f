"""A batch of partials as columns: what the ledger takes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from schemas.aggregates import ReputationPartial
from schemas.avro import Codec
from schemas.errors import FailureCode, Permanent
from streams.core.columns import read_records
from streams.core.compiled import Bytes, Ints, as_bytes
from streams.core.meaning import METRICS
from streams.core.reputation.cells import split_keys

_NUMBERS = ("minute", "applied_offset", "watermark", "oldest_new_received_at", "newest_received_at")


@dataclass(slots=True)
class PartialRows:
    """Partials of one topic, one per row; `names` are their records' keys (`counting.row_key`) on end.

    `ends`: shape (3, rows), where each one's key, source and minute end in `names`. `counts`: shape
    (METRICS, rows). Times in ms; `oldest_new` is 0 where nothing of a row is new.
    """

    names: Bytes
    ends: Ints
    partitions: Ints
    counts: Ints
    minutes: Ints
    applied: Ints
    watermark: Ints
    oldest_new: Ints
    newest: Ints

    def __len__(self) -> int:
        return len(self.partitions)

    def without_latency(self) -> PartialRows:
        """The same rows with nothing new in them: for those that say nothing about how long scores take."""
        return replace(self, oldest_new=np.zeros_like(self.oldest_new))


def read_partials(
    keys: Sequence[bytes], values: Sequence[bytes | None], partitions: Ints, codec: Codec
) -> tuple[PartialRows, dict[int, Permanent]]:
    """The partials among records of the topic, without tombstones, markers and ids; what cannot be read, and why."""
    read = read_records(values, ReputationPartial, (*METRICS, *_NUMBERS), codec)
    rows = read.rows
    while True:
        found = [keys[row] for row in rows.tolist()]
        names = as_bytes(b"".join(found))
        ends = np.empty((3, len(found)), np.int64)
        ends[2] = np.cumsum(np.fromiter(map(len, found), np.int64, len(found)))
        strange = split_keys(names, ends)
        if strange < 0:
            break
        read.broken[int(rows[strange])] = Permanent(
            FailureCode.UNDECODABLE, f"no partial has the key {found[strange]!r}"
        )
        rows = np.delete(rows, strange)
    counts = np.ascontiguousarray(read.block.table(METRICS)[:, rows])
    numbers = [read.block.number(name)[rows] for name in _NUMBERS]
    return PartialRows(names, ends, partitions[rows], counts, *numbers), read.broken
