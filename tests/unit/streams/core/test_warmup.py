"""A warm-up over simulated months: what leads on, what holds, what sets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.warmup_plans import Plan, plans
from schemas.aggregates import Level
from streams.core.warmup import Day, Phase, State, replay, today

START = date(2026, 1, 1)
PLAN = Plan(name="p", title="t", source="s", per="day", steps=(100, 200, 400, 800))
HOURLY = Plan(name="h", title="t", source="s", per="hour", steps=(10, 20))
Sender = Callable[[int, State], Day]


def day(number: int) -> date:
    return START + timedelta(days=number)


def simulated(plan: Plan, length: int, send: Callable[[int, int | None], Day]) -> tuple[State, dict[date, Day]]:
    """A sender that asks every morning for its limit, over so many days."""
    days: dict[date, Day] = {}
    for number in range(length):
        state, _ = replay(plan, START, days, day(number))
        days[day(number)] = send(number, today(plan, state, Day(on=day(number))).limit)
    return replay(plan, START, days, day(length))[0], days


def full(number: int, limit: int | None) -> Day:
    sent = 1_000 if limit is None else limit
    return Day(on=day(number), sent=sent, busiest_hour=sent)


def of(*days: Day) -> dict[date, Day]:
    return {one.on: one for one in days}


def sent(number: int, messages: int, level: Level = Level.HEALTHY) -> Day:
    return Day(on=day(number), sent=messages, busiest_hour=messages, level=level)


@pytest.mark.parametrize("name", sorted(plans()))
def test_a_clean_sender_that_uses_its_volume_is_warm_when_the_plan_says_so(name: str) -> None:
    plan = plans()[name]
    before, _ = simulated(plan, len(plan.steps) - 1, full)
    after, days = simulated(plan, len(plan.steps), full)
    assert before.phase is Phase.WARMING
    assert after.phase is Phase.WARM
    assert [one.sent for one in days.values()] == list(plan.steps)
    assert today(plan, after, Day(on=day(90))).limit is None


def test_a_step_whose_volume_was_not_sent_is_repeated() -> None:
    state, moves = replay(PLAN, START, of(sent(0, 79), sent(1, 80)), day(2))
    assert [move.after.step for move in moves] == [0, 1]
    assert moves[0].reason == "79 of 100 sent, 80 are needed: held"
    assert state == State(since=day(2), step=1, last_sent_on=day(1))


def test_an_hourly_plan_wants_a_busy_hour_and_not_a_busy_day() -> None:
    slow = Day(on=day(0), sent=200, busiest_hour=7)
    assert replay(HOURLY, START, of(slow), day(1))[0].step == 0
    assert replay(HOURLY, START, of(Day(on=day(0), sent=8, busiest_hour=8)), day(1))[0].step == 1


@pytest.mark.parametrize(
    ("level", "step", "phase"),
    [
        (Level.HEALTHY, 3, Phase.WARMING),
        (Level.RECOVERING, 2, Phase.WARMING),
        (Level.WATCH, 2, Phase.WARMING),
        (Level.THROTTLED, 1, Phase.WARMING),
        (Level.PAUSED, 2, Phase.STOPPED),
    ],
)
def test_what_the_detectors_say_of_a_day_decides_where_it_leads(level: Level, step: int, phase: Phase) -> None:
    state, _ = replay(PLAN, START, of(sent(0, 100), sent(1, 200), sent(2, 400, level)), day(3))
    assert (state.step, state.phase) == (step, phase)


def test_a_stopped_ip_may_send_nothing_until_a_day_was_clean_and_goes_on_a_step_lower() -> None:
    days = of(sent(0, 100), sent(1, 200, Level.PAUSED), sent(2, 0, Level.WATCH))
    stopped, _ = replay(PLAN, START, days, day(3))
    answer = today(PLAN, stopped, Day(on=day(3)))
    assert (answer.limit, answer.next_on, answer.next_limit) == (0, day(4), 100)
    back, moves = replay(PLAN, START, days, day(4))  # day 3 was silent
    assert (back.step, back.phase) == (0, Phase.WARMING)
    assert moves[-1].reason == "a clean day after the stop: on, one step lower"


def test_an_ip_that_was_silent_for_thirty_days_begins_again_even_when_warm() -> None:
    days = of(*(sent(number, step) for number, step in enumerate(PLAN.steps)))
    assert replay(PLAN, START, days, day(33))[0].phase is Phase.WARM  # the last mail went out on day 3
    cold, moves = replay(PLAN, START, days, day(34))
    assert (cold.phase, cold.step) == (Phase.WARMING, 0)
    assert moves[-1].reason == "nothing was sent for 30 days: from the beginning"
    assert replay(PLAN, START, days, day(60))[0].since == day(34)  # once, not every day anew


def test_a_slow_month_is_no_silence() -> None:
    days = of(*(sent(number, 50) for number in range(0, 60, 15)))
    assert replay(PLAN, START, days, day(60))[0].step == 0
    assert not any("beginning" in move.reason for move in replay(PLAN, START, days, day(60))[1])


def test_trouble_in_the_middle_costs_days_and_the_plan_still_ends() -> None:
    def send(number: int, limit: int | None) -> Day:
        level = {2: Level.WATCH, 3: Level.THROTTLED, 5: Level.PAUSED}.get(number, Level.HEALTHY)
        return Day(on=day(number), sent=limit or 0, busiest_hour=0, level=level)

    state, days = simulated(PLAN, 12, send)
    assert [one.sent for one in days.values()][:10] == [100, 200, 400, 400, 200, 400, 0, 200, 400, 800]
    assert state.phase is Phase.WARM


def test_today_counts_while_it_lasts() -> None:
    state = State(since=day(0), step=1)
    calm = today(PLAN, state, sent(0, 30))
    assert (calm.limit, calm.sent, calm.needed, calm.next_limit) == (200, 30, 160, 400)
    assert today(PLAN, state, sent(0, 30, Level.WATCH)).next_limit == 200
    assert today(PLAN, state, sent(0, 30, Level.THROTTLED)).limit == 100
    assert today(PLAN, state, sent(0, 30, Level.PAUSED)).limit == 0
    last = today(PLAN, State(since=day(0), step=3), sent(0, 30))
    assert (last.limit, last.next_limit) == (800, None)


def test_what_was_sent_beyond_the_plan_is_said() -> None:
    _, moves = replay(PLAN, START, of(sent(0, 5_000)), day(1))
    assert moves[0].reason == "clean, 5,000 of 100 sent, more than the plan allows: next step"


DAYS = st.lists(st.tuples(st.integers(0, 1000), st.sampled_from(list(Level))), max_size=80)


@settings(max_examples=200, deadline=None)
@given(DAYS, st.sampled_from([PLAN, HOURLY]))
def test_the_limit_never_grows_by_more_than_a_step_and_never_after_a_day_that_was_not_clean(
    given_days: list[tuple[int, Level]], plan: Plan
) -> None:
    days: Mapping[date, Day] = of(*(sent(number, *one) for number, one in enumerate(given_days)))
    _, moves = replay(plan, START, days, day(len(given_days)))
    for move in moves:
        assert 0 <= move.after.step < len(plan.steps)
        assert move.after.step <= move.before.step + 1
        if move.after.step > move.before.step:
            assert move.day.level is Level.HEALTHY
            assert move.day.sent >= plan.sent_share * plan.steps[move.before.step]
        assert move.after.since <= move.day.on + timedelta(days=1)


@settings(max_examples=50, deadline=None)
@given(DAYS, st.integers(0, 80))
def test_a_replay_is_the_same_whenever_it_is_asked_for(given_days: list[tuple[int, Level]], cut: int) -> None:
    days = of(*(sent(number, *one) for number, one in enumerate(given_days)))
    whole = replay(PLAN, START, days, day(len(given_days)))[1]
    part = replay(PLAN, START, days, day(min(cut, len(given_days))))[1]
    assert whole[: len(part)] == part
