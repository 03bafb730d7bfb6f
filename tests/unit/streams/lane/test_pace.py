"""When turns are due: soon on a quiet stream, rarely on a full one, never later than the bound."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.lane.pace import Pace

COSTS = st.floats(0.0001, 0.5)


def test_the_first_turn_is_due_at_once() -> None:
    assert Pace(longest_s=1).due_s(since_s=5.0) == 5.0


def test_after_a_turn_it_rests_three_times_its_cost() -> None:
    pace = Pace(longest_s=1)
    pace.turned(10.0, 0.02)
    assert pace.due_s(since_s=10.01) == pytest.approx(10.06)
    assert pace.due_s(since_s=10.5) == 10.5, "rested long ago"


def test_a_cheap_turn_rests_the_shortest_time() -> None:
    pace = Pace(longest_s=1, shortest_s=0.04)
    pace.turned(10.0, 0.001)
    assert pace.due_s(since_s=10.0) == pytest.approx(10.04)


def test_other_work_is_no_rest() -> None:
    pace = Pace(longest_s=1)
    pace.turned(10.0, 0.02)
    pace.busy(10.05, 0.04)
    assert pace.due_s(since_s=10.0) == pytest.approx(10.1)


def test_work_after_the_rest_puts_nothing_off() -> None:
    pace = Pace(longest_s=1)
    pace.turned(10.0, 0.02)
    pace.busy(11.0, 0.5)
    assert pace.due_s(since_s=10.2) == 10.2


def test_a_stage_that_is_always_busy_has_its_turn_when_the_longest_wait_is_over() -> None:
    pace, now, turns = Pace(longest_s=1), 0.0, []
    since = now
    while now < 20:
        now += 0.05
        pace.busy(now, 0.05)
        if now >= pace.due_s(since):
            now += 0.1
            pace.turned(now, 0.1)
            turns.append(now)
            since = now
    gaps = [later - earlier for earlier, later in pairwise(turns[1:])]
    assert min(gaps) >= 1
    assert max(gaps) < 1.2


def test_a_quiet_stage_after_a_busy_hour_is_quick_again() -> None:
    pace, now = Pace(longest_s=1), 0.0
    for _ in range(10_000):
        now += 0.4
        pace.busy(now - 0.1, 0.3)
        pace.turned(now, 0.1)
    assert pace.due_s(since_s=now + 1) == now + 1


@given(costs=st.lists(COSTS, min_size=1, max_size=50), waits=st.lists(st.floats(0, 2), min_size=50, max_size=50))
def test_nothing_waits_longer_than_the_bound_and_turns_take_a_quarter_at_most(
    costs: list[float], waits: list[float]
) -> None:
    pace, now, worked, slack = Pace(longest_s=1e6), 0.0, 0.0, max(costs)
    for cost, wait in zip(costs, waits, strict=False):
        since = now + wait
        begin = max(pace.due_s(since), since)
        assert since <= begin <= since + 1e6
        now = begin + cost
        worked += cost
        pace.turned(now, cost)
    assert worked <= now / 4 + slack
