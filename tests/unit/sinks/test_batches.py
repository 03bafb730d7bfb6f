"""Cutting a partition's records into batches: bounds, pins, holes, logs that start again."""

from __future__ import annotations

from sinks.batches import Batch, Bounds, Buffer, Entry, Partition

PLACE = Partition("events", 3)


def buffer(*offsets: int, committed: int = 0) -> Buffer:
    made = Buffer(PLACE, committed, "id")
    for offset in offsets:
        assert made.add(Entry(offset, 1, b"x"))
    return made


def batch_of(made: Buffer) -> Batch:
    batch = made.batch()
    assert batch is not None
    return batch


def test_a_batch_is_named_by_its_real_offsets_although_there_are_holes() -> None:
    batch = batch_of(buffer(10, 12, 17, committed=8))
    assert batch.bounds == (10, 17)
    assert batch.token == "events@id:3:10-17"


def test_a_batch_keeps_its_bounds_when_more_records_arrive_before_it_is_done() -> None:
    made = buffer(1, 2)
    first = batch_of(made)
    made.add(Entry(3, 1, b"x"))
    again = batch_of(made)
    assert (again.bounds, again.entries) == (first.bounds, first.entries)
    made.done(again)
    assert made.committed == 3
    assert batch_of(made).bounds == (3, 3)


def test_a_pinned_batch_waits_until_its_last_offset_was_read() -> None:
    made = buffer(5, 6)
    made.pin(Bounds(5, 8), is_announced=True)
    assert made.batch() is None
    made.add(Entry(8, 1, b"x"))
    made.add(Entry(9, 1, b"x"))
    assert [entry.offset for entry in batch_of(made).entries] == [5, 6, 8]


def test_a_pinned_batch_whose_last_record_was_compacted_away_ends_with_the_log() -> None:
    made = buffer(5, 6)
    made.pin(Bounds(5, 8), is_announced=True)
    made.reached(8)
    assert made.batch() is None, "offset 8 itself was not passed yet"
    made.reached(9)
    assert batch_of(made).bounds == (5, 8)


def test_a_replayed_batch_keeps_its_announced_name_although_it_now_begins_with_silent_records() -> None:
    made = buffer(3, 4, 5, committed=3)
    made.pin(Bounds(5, 5), is_announced=True)
    assert batch_of(made).token == "events@id:3:5-5"


def test_an_empty_buffer_has_no_batch() -> None:
    assert buffer().batch() is None


def test_records_that_are_read_or_committed_already_are_told_from_new_ones() -> None:
    made = buffer(4, committed=4)
    assert not made.add(Entry(4, 1, b"x"))
    assert not made.add(Entry(3, 1, b"x"))


def test_a_log_that_starts_again_forgets_pins_and_the_old_topic_id() -> None:
    made = buffer(7, 8)
    made.batch()
    made.restart(Entry(0, 1, b"new"))
    assert (made.topic_id, made.pinned, made.committed, made.end) == ("", None, 0, 1)
    assert batch_of(made).bounds == (0, 0)


def test_forgetting_a_silent_batch_leaves_the_commit_where_it_was() -> None:
    made = buffer(1, 2, committed=1)
    made.forget(batch_of(made))
    assert (made.committed, made.entries, made.end) == (1, [], 3)
