"""The memory of event ids answers as a plain dictionary would, batch by batch, within 72 clock hours."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.dedupe import KEEP_HOURS, IdMemory

Batches = st.lists(st.tuples(st.lists(st.integers(0, 40), max_size=30), st.integers(0, 40)), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(Batches)
def test_an_id_is_new_unless_it_was_first_seen_within_72_hours(batches: list[tuple[list[int], int]]) -> None:
    memory, first_seen, hour = IdMemory(), dict[int, int](), 0
    for ids, hours_later in batches:
        hour += hours_later
        expected = []
        for number in ids:
            is_new = number not in first_seen or first_seen[number] <= hour - KEEP_HOURS
            if is_new:
                first_seen[number] = hour
            expected.append(is_new)
        found = memory.first_sightings(np.array(ids, dtype=np.uint64) + 7, np.full(len(ids), hour, dtype=np.int32))
        assert found.tolist() == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 30)), min_size=1, max_size=60), st.randoms())
def test_hours_that_change_within_a_batch_are_judged_as_one_by_one(
    sightings: list[tuple[int, int]], dice: random.Random
) -> None:
    ids = np.array([number for number, _ in sightings], np.uint64)
    hours = np.cumsum([later for _, later in sightings]).astype(np.int32)
    first_seen: dict[int, int] = {}
    expected = []
    for number, hour in zip(ids.tolist(), hours.tolist(), strict=True):
        expected.append(number not in first_seen or first_seen[number] <= hour - KEEP_HOURS)
        if expected[-1]:
            first_seen[number] = hour
    memory, found, at = IdMemory(first_size=16), list[bool](), 0
    while at < len(ids):
        end = at + dice.randrange(1, 20)
        found += memory.first_sightings(ids[at:end], hours[at:end]).tolist()
        at = end
    assert found == expected


def test_it_grows_without_forgetting_and_cleans_up_what_is_too_old() -> None:
    memory, dice = IdMemory(), np.random.default_rng(1)
    ids = dice.integers(1, 2**63, size=60_000, dtype=np.uint64)
    for part in np.split(ids, 30):
        assert memory.first_sightings(part, np.zeros(len(part), dtype=np.int32)).all()
    assert not memory.first_sightings(ids, np.full(len(ids), KEEP_HOURS - 1, dtype=np.int32)).any()
    later = dice.integers(1, 2**63, size=300_000, dtype=np.uint64)
    memory.first_sightings(later, np.full(len(later), 200, dtype=np.int32))
    assert len(memory) == len(later), "the table had to grow, and dropped what was too old on the way"


def test_when_full_it_gives_up_the_oldest_hours_and_counts_them() -> None:
    memory, dice = IdMemory(max_ids=20_000), np.random.default_rng(2)
    parts = [dice.integers(1, 2**63, size=5_000, dtype=np.uint64) for _ in range(12)]
    for hour, part in enumerate(parts):
        memory.first_sightings(part, np.full(len(part), hour, dtype=np.int32))
    assert len(memory) <= 20_000, "and that is all it holds"
    assert memory.forgotten > 0
    assert not memory.first_sightings(parts[-1], np.full(5_000, 12, dtype=np.int32)).any()
