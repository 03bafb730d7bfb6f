"""A batch of partials as columns: what the ledger takes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from schemas.aggregates import ReputationPartial
from schemas.avro import Codec
from schemas.errors import Permanent
from streams.core.columns import read_records
from streams.core.meaning import METRICS
from streams.core.rows import Ints

_TIMES = ("applied_offset", "watermark", "oldest_new_received_at", "newest_received_at")


@dataclass(slots=True)
class PartialRows:
    """Partials of one topic, one per row; `keys` are their records' keys (`counting.row_key`).

    `counts`: shape (rows, METRICS). Times in ms; `oldest_new` is 0 where nothing of a row is new.
    """

    keys: list[bytes]
    partitions: Ints
    counts: Ints
    applied: Ints
    watermark: Ints
    oldest_new: Ints
    newest: Ints

    def without_latency(self) -> PartialRows:
        """The same rows with nothing new in them: for those that say nothing about how long scores take."""
        return replace(self, oldest_new=np.zeros_like(self.oldest_new))


def read_partials(
    keys: Sequence[bytes], values: Sequence[bytes | None], partitions: Ints, codec: Codec
) -> tuple[PartialRows, dict[int, Permanent]]:
    """The partials among records of the topic, without tombstones, markers and ids; what cannot be read, and why."""
    read = read_records(values, ReputationPartial, (*METRICS, *_TIMES), codec)
    counts = read.block.table(METRICS)[:, read.rows].T
    numbers = [read.block.number(name)[read.rows] for name in _TIMES]
    found = [keys[row] for row in read.rows.tolist()]
    return PartialRows(found, partitions[read.rows], counts, *numbers), read.broken
