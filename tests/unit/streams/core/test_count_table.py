"""The rows of a partition as columns: what is written is a partial, what is read back is the same table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.aggregates import ReputationPartial, Tick
from schemas.avro import Codec
from schemas.errors import Permanent
from streams.core.count_table import CountTable
from streams.core.counting import Increments, row_key
from streams.core.meaning import METRICS

CODEC = Codec()
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)


def adds(key: bytes, *, at: int = 1000, **counts: int) -> Increments:
    table = np.array([[counts.get(m, 0) for m in METRICS]])
    return Increments([key], table, np.array([at]), np.array([at]), 0, np.zeros((0, 4), np.int32))


def table() -> CountTable:
    return CountTable(3, CODEC)


def decoded(rows: Any) -> dict[bytes, ReputationPartial]:
    return {key: CODEC.decode(value, ReputationPartial) for key, value in rows}


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(0, 2**40), st.lists(st.integers(0, 2**31), min_size=len(METRICS), max_size=len(METRICS)))
def test_a_written_row_is_the_record_that_the_codec_encodes(key: str, minute: int, counts: list[int]) -> None:
    name = row_key("acme", "campaign", key, "main", minute)
    rows = table()
    more = Increments([name], np.array([counts]), np.array([5]), np.array([9]), 0, np.zeros((0, 4), np.int32))
    rows.add([more], 77, is_replay=False)
    expected = ReputationPartial(
        tenant="acme", kind="campaign", key=key, source="main", minute=minute, partition=3, applied_offset=77,
        watermark=123, oldest_new_received_at=5, newest_received_at=9, **dict(zip(METRICS, counts, strict=True)),
    )  # fmt: skip
    assert rows.cut(123) == [(name, CODEC.encode(expected))]


def test_a_row_is_written_once_and_its_oldest_receipt_with_it() -> None:
    rows, key = table(), row_key("t", "ip", "192.0.2.1", "s", 60_000)
    rows.add([adds(key, at=1000, delivered=2)], 4, is_replay=False)
    rows.add([adds(key, at=900, delivered=1)], 5, is_replay=False)
    first = decoded(rows.cut(0))[key]
    assert (first.delivered, first.oldest_new_received_at, first.newest_received_at) == (3, 900, 1000)
    assert rows.cut(0) == []
    rows.add([adds(key, at=2000, delivered=1)], 6, is_replay=False)
    assert decoded(rows.cut(0))[key].oldest_new_received_at == 2000


def test_of_a_keys_rows_in_the_log_the_one_that_holds_most_is_restored() -> None:
    key, gone = row_key("t", "ip", "a\x1fb", "s", 60_000), row_key("t", "ip", "gone", "s", 60_000)
    written = table()
    log = []
    for offset in (4, 9, 7):  # the last one by a worker that was cut off late
        written.add([adds(key, delivered=1)], offset, is_replay=False)
        log += written.cut(0)
    log[2] = (key, CODEC.encode(decoded([log[0]])[key]))
    written.add([adds(gone, sent=1)], 9, is_replay=False)
    log += [*written.cut(0), (gone, None)]
    restored = table()
    restored.restore([name for name, _ in log], [value for _, value in log])
    assert len(restored) == 1
    assert restored.offsets_from(5) == [9]
    restored.add([adds(key, delivered=1)], 10, is_replay=False)
    assert decoded(restored.cut(0))[key].delivered == 3


def test_a_replayed_piece_is_added_to_rows_that_lack_it_only_however_many_parts_it_comes_in() -> None:
    has, lacks = row_key("t", "ip", "has", "s", 0), row_key("t", "ip", "lacks", "s", 0)
    rows = table()
    rows.add([adds(has, sent=2)], 9, is_replay=False)
    rows.add([adds(has, sent=1), adds(lacks, sent=1), adds(lacks, sent=1)], 9, is_replay=True)
    found = decoded(rows.cut(0))
    assert (found[has].sent, found[lacks].sent) == (2, 2)


def test_places_of_expired_rows_are_used_again() -> None:
    rows = table()
    for minute in range(0, 3000 * 60_000, 60_000):
        rows.add([adds(row_key("t", "ip", "a", "s", minute), sent=1)], minute, is_replay=False)
        rows.cut(0)
        assert [value for _, value in rows.expire(minute)] == [None] * bool(minute)
    assert len(rows) == 1
    rows.add([adds(row_key("t", "ip", "b", "s", 0), sent=5)], 1, is_replay=False)
    assert [row.sent for row in decoded(rows.cut(0)).values()] == [5]


def test_a_foreign_record_in_the_changelog_is_named() -> None:
    with pytest.raises(Permanent, match="expected ReputationPartial, the record is a Tick"):
        table().restore([b"t\x1fip\x1fa\x1fs\x1f0"], [CODEC.encode(Tick(at=1, writer="w"))])
