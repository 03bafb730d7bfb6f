"""Slots: the log alone says what was counted in each second, whatever the batches, flushes, kills and their order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.aggregates import LaneMarker, Tick
from schemas.avro import Codec
from schemas.events import EmailEvent, EventType
from schemas.identity import digest
from schemas.topics import REPUTATION_SLOTS
from schemas.verdicts import SlotCounts
from streams.core.meaning import METRICS, PARTS, REFUSED
from streams.core.partials import PartitionCounts
from streams.core.reputation import slot_log
from streams.core.reputation.slot_log import SlotLog
from streams.core.slots import LATE_MS, SLOT_MS
from streams.lane.guard import apart

CODEC = Codec()
T0 = 1_790_000_040_000
Flat = dict[tuple[int, bytes, int, str], int]
"""How many, by slot, changelog key without its minute, minute and metric."""


def event(number: int, received_at: int, **fields: Any) -> bytes:
    given_ = {
        "event_id": digest(number), "tenant": "acme", "source": "s", "provider": "p", "event_type": EventType.DELIVERED,
        "occurred_at": received_at - 700, "received_at": received_at, "campaign_id": f"c{number % 3}", **fields,
    }  # fmt: skip
    return CODEC.encode(EmailEvent(**given_))


def tick(at: int) -> bytes:
    return CODEC.encode(Tick(at=at, writer="w"))


def blocks(state: PartitionCounts, next_offset: int) -> list[SlotCounts]:
    sides = state.cut(next_offset).sides
    return [CODEC.decode(side.value, SlotCounts) for side in sides if side.topic == REPUTATION_SLOTS.name]


def written(values: Sequence[bytes], cuts: Sequence[int], partition: int = 0) -> list[SlotCounts]:
    """The blocks of a partition that is flushed behind these offsets, and at its end."""
    state = PartitionCounts(partition, CODEC, apart)
    state.start(None)
    found, begin = [], 0
    for end in [*sorted({cut for cut in cuts if 0 < cut < len(values)}), len(values)]:
        state.fold(list(values[begin:end]), range(begin, end))
        found += blocks(state, end)
        begin = end
    return found


def flat(log: SlotLog) -> Flat:
    found: Counter[tuple[int, bytes, int, str]] = Counter()
    for slot, parts in log.ready():
        for rows in parts:
            for key, minute, counts in zip(rows.keys, rows.minutes.tolist(), rows.counts.tolist(), strict=True):
                found.update({(slot, key, minute, m): n for m, n in zip(METRICS, counts, strict=True) if n})
    return dict(found)


def read(records: Sequence[SlotCounts], partitions: int = 1) -> Flat:
    log, found = SlotLog(partitions), Flat()
    for offset, record in enumerate(records):
        log.add(record, offset)
        found.update(flat(log))
    return found


def stream(seed: int, size: int = 120) -> list[bytes]:
    """Some seconds of events, ticks among them, a few events twice; at its end time passes, so that all is complete."""
    dice = random.Random(seed)
    values, at = [], T0
    for number in range(size):
        at += dice.randrange(120)
        why = {"bounce_reason": dice.choice(("", "auth_failure")), "bounce_blocklist": dice.choice(("", "sorbs"))}
        values.append(event(number, at, event_type=dice.choice(list(EventType)), **why))
        if dice.random() < 0.1:
            values.append(tick(at))
        if dice.random() < 0.05:
            values.append(dice.choice(values))
    return [*values, tick(at + 5_000), tick(at + 10_000)]


ENDING = 2  # ticks


def with_end(values: Sequence[bytes], cuts: Sequence[int]) -> list[SlotCounts]:
    return written(values, [*cuts, len(values) - 1])  # the last block confirms the one before it


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 130), max_size=12), other=st.lists(st.integers(0, 130))
)
def test_where_a_partition_is_flushed_does_not_matter(seed: int, cuts: list[int], other: list[int]) -> None:
    values = stream(seed)
    found = read(with_end(values, cuts))
    assert found == read(with_end(values, other))
    of_tenant = {place: n for place, n in found.items() if b"\x1ftenant\x1f" in place[1]}
    assert sum(n for (*_, metric), n in of_tenant.items() if metric not in PARTS) == 120
    refused, told = (sum(n for (*_, m), n in of_tenant.items() if m in some) for some in (REFUSED, PARTS))
    assert 0 < told <= refused


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_another_order_within_the_bound_and_duplicates_do_not_matter(seed: int) -> None:
    dice = random.Random(seed)
    events = [event(n, T0 + dice.randrange(8_000)) for n in range(150)]
    received = {value: CODEC.decode(value, EmailEvent).received_at for value in events}
    inorder = sorted(events, key=lambda value: received[value])
    late = sorted(events, key=lambda value: received[value] + dice.randrange(LATE_MS))
    late += dice.sample(events, 20)
    end = [tick(T0 + 20_000), tick(T0 + 21_000)]
    assert read(with_end([*inorder, *end], [])) == read(with_end([*late, *end], [40, 90]))


def test_an_event_that_is_too_late_falls_into_the_second_two_before_the_clock() -> None:
    values = [tick(T0 + 10_000), event(1, T0), tick(T0 + 20_000), tick(T0 + 21_000)]
    slots = {slot for slot, *_ in read(with_end(values, []))}
    assert slots == {(T0 + 10_000 - LATE_MS) // SLOT_MS}


def test_what_a_killed_owner_left_in_the_log_is_passed_over() -> None:
    values = stream(3)
    whole = read(with_end(values, [50]))
    first, *_ = written(values[:50], [])
    torn, *_ = with_start(values, 50, 80)
    redone = [*with_start(values, 50, 100), *with_start(values, 100, len(values) - 1)]
    end = with_start(values, len(values) - 1, len(values))
    for left in ([first, torn, *redone], [first, redone[0], torn, *redone[1:]]):
        assert read([*left, *end]) == whole


def with_start(values: Sequence[bytes], begin: int, end: int) -> list[SlotCounts]:
    """The block from `begin` to `end`, by an owner that has read everything before."""
    state = PartitionCounts(0, CODEC, apart)
    state.start(None)
    if begin:
        state.fold(list(values[:begin]), range(begin))
        state.cut(begin)
    state.fold(list(values[begin:end]), range(begin, end))
    return blocks(state, end)


def test_a_slot_waits_for_the_slowest_partition() -> None:
    fast = with_end([event(1, T0), tick(T0 + 60_000), tick(T0 + 61_000)], [])
    slow = written([event(2, T0 + 400), tick(T0 + 900), tick(T0 + 4_000), tick(T0 + 5_000)], [2, 3], partition=1)
    log = SlotLog(2)
    for offset, record in enumerate([*fast, *slow[:2]]):
        log.add(record, offset)
        assert not list(log.ready())
    log.add(slow[2], 9)
    assert [key for _, key, _, _ in flat(log)].count(b"acme\x1ftenant\x1facme\x1fs") == 1
    assert log.closed == (T0 + 4_000 - LATE_MS) // SLOT_MS - 1


def test_large_blocks_come_in_several_records(monkeypatch: pytest.MonkeyPatch) -> None:
    values = stream(5)
    whole = read(with_end(values, []))
    monkeypatch.setattr("streams.core.slots._PIECE_BYTES", 300)
    records = with_end(values, [])
    assert max(record.chunks for record in records) > 1
    assert read(records) == whole
    assert read(records[1:]) != whole, "a block without its beginning counted"


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), stop=st.integers(1, 20))
def test_going_on_from_the_oldest_offset_that_is_needed_loses_and_repeats_nothing(seed: int, stop: int) -> None:
    values = stream(seed)
    records = with_end(values, range(0, 130, 6))
    stop = min(stop, len(records) - 1)
    log, before = SlotLog(1), Flat()
    for offset, record in enumerate(records[:stop]):
        log.add(record, offset)
        before.update(flat(log))
    begin = log.oldest(stop)
    again = SlotLog(1, log.closed, stop)
    after = Flat()
    for offset, record in enumerate(records[begin:], begin):
        again.add(record, offset)
        after.update(flat(again))
    assert not before.keys() & after.keys()
    assert before | after == read(records)


def test_the_rows_that_wait_for_a_slow_partition_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_log, "MOST_ROWS", 20)
    fast = [record for n in range(30) for record in written([event(n, T0 + n * 1_000)], [])]
    log, found = SlotLog(2), Flat()
    for n, record in enumerate(fast):
        record.from_offset, record.to_offset = n, n + 1
        log.add(record, n)
        found.update(flat(log))
    assert log.forced > 10
    assert sum(found.values()) > 20


def test_a_restored_partition_goes_on_where_its_marker_is() -> None:
    state = PartitionCounts(0, CODEC, apart)
    assert state.start(LaneMarker(next_offset=40, clock=T0, watermark=T0)) == 40
    (record,) = blocks(state, 41)
    assert (record.from_offset, record.to_offset, record.clock) == (40, 41, T0)
