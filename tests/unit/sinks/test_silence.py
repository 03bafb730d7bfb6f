"""Which partition is taken for broken, and which only stands still."""

from __future__ import annotations

from sinks.batches import Partition
from sinks.silence import Silence

ONE, OTHER = Partition("t", 0), Partition("t", 1)


def broken_at(ends: list[dict[Partition, int]], drained: list[float], more: set[Partition]) -> list[Partition | None]:
    watch = Silence(patience_s=15.0)
    return [watch.broken(end, at, more.__contains__) for end, at in zip(ends, drained, strict=True)]


def test_a_partition_with_more_is_broken_the_second_time_although_another_goes_on() -> None:
    ends = [{ONE: 7, OTHER: n} for n in range(4)]
    assert broken_at(ends, [0, 10, 15, 31], {ONE, OTHER}) == [None, None, None, ONE]


def test_the_end_of_the_log_is_no_silence() -> None:
    assert broken_at([{ONE: 7}] * 5, [0, 15, 30, 45, 60], set()) == [None] * 5


def test_what_was_read_in_between_clears_it() -> None:
    ends = [{ONE: 7}, {ONE: 7}, {ONE: 8}, {ONE: 8}, {ONE: 8}]
    assert broken_at(ends, [0, 15, 30, 45, 60], {ONE}) == [None, None, None, None, ONE]


def test_while_fetched_records_wait_to_be_read_nothing_is_judged() -> None:
    assert broken_at([{ONE: 7}] * 4, [0, 0, 0, 14], {ONE}) == [None] * 4


def test_a_partition_that_was_given_up_and_came_back_is_looked_at_anew() -> None:
    ends = [{ONE: 7}, {ONE: 7}, {}, {ONE: 7}, {ONE: 7}]
    assert broken_at(ends, [0, 15, 30, 45, 60], {ONE}) == [None] * 5


def test_a_pause_on_purpose_is_forgotten() -> None:
    watch = Silence(patience_s=15.0)
    assert watch.broken({ONE: 7}, 0, lambda _: True) is None
    assert watch.broken({ONE: 7}, 15, lambda _: True) is None
    watch.forget()
    assert watch.broken({ONE: 7}, 30, lambda _: True) is None
