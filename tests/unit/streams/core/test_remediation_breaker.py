"""The circuit breaker and the pace of an API: pure state machines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.control import Pace
from streams.core.remediation.breaker import CLOSED, FAILURES, MAX_OPEN_MS, OPEN_MS, PROBE_MS, Breaker
from streams.core.remediation.pace import Bucket


def opened(now_ms: int = 0) -> Breaker:
    breaker = CLOSED
    for _ in range(FAILURES):
        assert breaker.wait_ms(now_ms) == 0
        breaker = breaker.started(now_ms).failed(now_ms)
    return breaker


def test_a_breaker_opens_after_failures_in_a_row_and_not_before() -> None:
    assert opened(100).wait_ms(100) == OPEN_MS
    breaker = CLOSED
    for _ in range(10 * FAILURES):
        for _ in range(FAILURES - 1):
            breaker = breaker.started(0).failed(0)
        breaker = breaker.started(0).succeeded()
        assert breaker.is_closed


def test_an_open_breaker_lets_one_try_through_and_makes_the_others_wait_for_it() -> None:
    breaker = opened()
    assert breaker.wait_ms(OPEN_MS - 1) == 1
    assert breaker.wait_ms(OPEN_MS) == 0
    trying = breaker.started(OPEN_MS)
    assert trying.wait_ms(OPEN_MS) == PROBE_MS
    assert trying.succeeded().wait_ms(OPEN_MS) == 0


def test_a_try_that_is_never_reported_on_does_not_block_for_ever() -> None:
    assert opened().started(OPEN_MS).wait_ms(OPEN_MS + PROBE_MS) == 0


def test_each_failed_try_keeps_it_open_twice_as_long_up_to_a_minute() -> None:
    breaker, now_ms, waits = opened(), 0, []
    for _ in range(5):
        waits.append(breaker.wait_ms(now_ms))
        now_ms += waits[-1]
        breaker = breaker.started(now_ms).failed(now_ms)
    assert waits == [OPEN_MS, 2 * OPEN_MS, MAX_OPEN_MS, MAX_OPEN_MS, MAX_OPEN_MS]


def test_what_was_on_its_way_when_the_breaker_opened_does_not_keep_it_open_longer() -> None:
    assert opened().failed(5).failed(6).wait_ms(10) == OPEN_MS - 10


PACES = st.builds(Pace, per_s=st.floats(0.02, 100), burst=st.integers(1, 50))


@given(pace=PACES, gaps_ms=st.lists(st.integers(0, 5000), max_size=200))
def test_no_window_ever_sees_more_requests_than_burst_and_rate_allow(pace: Pace, gaps_ms: list[int]) -> None:
    bucket, now_ms, sent = Bucket(), 1_763_780_000_000, list[int]()
    for gap in gaps_ms:
        now_ms += gap
        now_ms += bucket.wait_ms(pace, now_ms)
        assert bucket.wait_ms(pace, now_ms) == 0
        bucket = bucket.taken(pace, now_ms)
        sent.append(now_ms)
    for first in range(0, len(sent), 7):
        for last in range(first, len(sent), 5):
            seconds = (sent[last] - sent[first]) / 1000
            assert last - first + 1 <= pace.burst + seconds * pace.per_s + 0.01


@given(pace=PACES)
def test_after_a_rest_a_whole_burst_may_go_at_once(pace: Pace) -> None:
    bucket, now_ms = Bucket(), 1_763_780_000_000
    for _ in range(2):
        for _ in range(pace.burst):
            assert bucket.wait_ms(pace, now_ms) == 0
            bucket = bucket.taken(pace, now_ms)
        assert bucket.wait_ms(pace, now_ms) > 0
        now_ms += int(pace.burst / pace.per_s * 1000) + 2


def test_a_hold_keeps_everything_back_until_it_is_over() -> None:
    pace, bucket = Pace(per_s=10, burst=10), Bucket().held(5000).held(3000)
    assert [bucket.wait_ms(pace, now_ms) for now_ms in (0, 4999, 5000)] == [5000, 1, 0]
