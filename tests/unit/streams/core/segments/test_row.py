"""A recipient's row: the timer first, the rest of the evaluator's bytes, and what the lane needs behind them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.core.segments import row


@given(
    timer=st.integers(0, 2**63 - 1), rest=st.binary(min_size=4, max_size=99), number=st.integers(0, 2**32 - 1),
    offset=st.integers(-1, 2**63 - 1),
)  # fmt: skip
def test_a_row_gives_back_what_it_was_made_of(timer: int, rest: bytes, number: int, offset: int) -> None:
    packed = timer.to_bytes(8, "big") + rest
    made = row.join(packed, number, offset)
    assert (row.packed_of(made), row.number_of(made), row.offset_of(made)) == (packed, number, offset)
    assert row.timer_of(made) == (None if timer == 2**63 - 1 else timer)
    still = row.without_timer(made)
    assert row.timer_of(still) is None
    assert (row.packed_of(still)[8:], row.number_of(still), row.offset_of(still)) == (rest, number, offset)


def test_a_timer_before_1970_is_due_at_once() -> None:
    assert row.timer_of((-5).to_bytes(8, "big", signed=True) + bytes(16)) == 0
