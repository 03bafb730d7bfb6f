"""A recipient's row: the timer first, the rest of the evaluator's bytes, and what the lane needs behind them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.core.segments import row


@given(
    timer=st.integers(0, 2**63 - 1), rest=st.binary(min_size=4, max_size=99), number=st.integers(0, 2**32 - 1),
    offset=st.integers(-1, 2**63 - 1), journeys=st.binary(max_size=40),
)  # fmt: skip
def test_a_row_gives_back_what_it_was_made_of(
    timer: int, rest: bytes, number: int, offset: int, journeys: bytes
) -> None:
    packed = timer.to_bytes(8, "big") + rest
    made = row.join(packed, number, offset, journeys)
    assert (row.parts_of(made), row.offset_of(made)) == ((packed, journeys, number), offset)
    assert row.timer_of(made) == (None if timer == 2**63 - 1 else timer)
    still = row.without_timer(made)
    assert row.timer_of(still) is None
    assert (row.parts_of(still).packed[8:], row.parts_of(still)[1:]) == (rest, (journeys, number))
    assert row.offset_of(still) == offset
    assert row.is_same(made, row.join(packed, number, 5, journeys))
    assert not row.is_same(made, row.join(packed, number ^ 1, offset, journeys))


def test_the_timer_is_that_of_what_time_moves_first() -> None:
    packed = (1_000).to_bytes(8, "big") + b"rest"
    assert [row.timer_of(row.join(packed, 1, 1, b"", at)) for at in (None, 999, 1_001, 0)] == [1_000, 999, 1_000, 1]
    past = (-5).to_bytes(8, "big", signed=True) + b"rest"
    assert row.timer_of(row.join(past, 1, 1, b"", 999)) == 0


def test_a_timer_before_1970_is_due_at_once() -> None:
    assert row.timer_of((-5).to_bytes(8, "big", signed=True) + bytes(16)) == 0
