"""One by one up to a number an hour, above it together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.core.remediation.alert_pace import DIGEST_MS, Pace, Turn, turn

MINUTE = 60_000
HOUR = 60 * MINUTE


def test_the_first_go_one_by_one_and_the_next_waits_for_a_digest() -> None:
    pace, now = Pace(), 10 * HOUR
    for _ in range(3):
        pace, what, _ = turn(pace, now, 3, now)
        assert what is Turn.ONE
    pace, what, wait_ms = turn(pace, now, 3, now)
    assert (what, wait_ms) == (Turn.NONE, DIGEST_MS)
    pace, what, _ = turn(pace, now + DIGEST_MS, 3, now)
    assert what is Turn.ALL
    _, what, wait_ms = turn(pace, now + DIGEST_MS + 1, 3, now + DIGEST_MS + 1)
    assert (what, wait_ms) == (Turn.NONE, DIGEST_MS)


def test_what_waits_for_a_digest_goes_with_it_even_if_there_is_room_again() -> None:
    pace, what, _ = turn(Pace(), 0, 1, 0)
    pace, what, _ = turn(pace, HOUR - MINUTE, 1, HOUR - MINUTE)
    assert what is Turn.NONE
    pace, what, wait_ms = turn(pace, HOUR + MINUTE, 1, HOUR - MINUTE)
    assert (what, wait_ms) == (Turn.NONE, DIGEST_MS - 2 * MINUTE)
    pace, what, _ = turn(pace, HOUR + wait_ms + MINUTE, 1, HOUR - MINUTE)
    assert what is Turn.ALL
    assert turn(pace, 3 * HOUR, 1, 3 * HOUR)[1] is Turn.ONE


@given(st.lists(st.integers(0, 20 * MINUTE), max_size=200), st.integers(1, 5))
def test_an_hour_never_holds_more_than_the_number_and_twelve_digests(gaps: list[int], most: int) -> None:
    pace, now, waiting_since, sent = Pace(), HOUR, None, list[tuple[int, Turn]]()
    for gap in gaps:
        now += gap
        waiting_since = now if waiting_since is None else waiting_since
        pace, what, wait_ms = turn(pace, now, most, waiting_since)
        if what is Turn.NONE:
            assert 0 < wait_ms <= DIGEST_MS
            continue
        sent.append((now, what))
        waiting_since = None
    for end, _ in sent:
        hour = [what for at, what in sent if end - HOUR < at <= end]
        assert hour.count(Turn.ONE) <= most
        assert hour.count(Turn.ALL) <= 12


def test_a_clock_that_goes_back_is_no_reason_for_silence() -> None:
    pace, _, _ = turn(Pace(), 5 * HOUR, 1, 5 * HOUR)
    assert turn(pace, 4 * HOUR, 1, 4 * HOUR)[1] is Turn.ONE
