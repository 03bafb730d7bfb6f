"""How far a new sending IP has come in its warm-up plan, day by day, and what it may send today.

A plan (`connectors/warmup_plans.toml`) is a wish; the detectors say whether it is granted. After each day (UTC):

* clean, and the step's volume was really sent: the next step;
* clean, but less was sent: the same step, since an IP that was not used has proved nothing;
* a key of the IP on watch, or recovering: held at the step;
* throttled: one step back;
* paused: nothing may be sent, until a day has passed clean; then it goes on one step lower;
* nothing sent for 30 days: from the beginning (receivers keep some 30 days; SendGrid, "Warming up an IP address").

Behind the last step the IP is warm and the plan is done. A function of the days: no clock, no state kept anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from math import ceil

from connectors.warmup_plans import Plan
from schemas.aggregates import Level

IDLE_DAYS = 30
DAY = timedelta(days=1)


class Phase(StrEnum):
    """Where an IP stands in its plan."""

    WARMING = "warming"
    STOPPED = "stopped"
    WARM = "warm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What happened on one day (UTC): messages that got an answer, those of the busiest hour, the worst level."""

    on: date
    sent: int = 0
    busiest_hour: int = 0
    level: Level = Level.HEALTHY


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """At the beginning of a day. `step` counts from 0; `since`: its first day; `sent`: since then; `held`: days in a
    row that did not lead on. `last_sent_on` None: nothing was ever sent."""

    since: date
    step: int = 0
    phase: Phase = Phase.WARMING
    sent: int = 0
    held: int = 0
    last_sent_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One day that is over: what it did to the state, and why."""

    day: Day
    before: State
    after: State
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What may be sent now: `limit` messages per `per`, None without a limit, and why.

    `next_limit` comes on `next_on` if `needed` messages in all are sent today (in one hour, if the plan goes by hours)
    and no detector warns; `next_limit` None: the plan is done then.
    """

    limit: int | None
    per: str
    sent: int
    reason: str
    next_on: date | None = None
    next_limit: int | None = None
    needed: int = 0


def replay(plan: Plan, started_on: date, days: Mapping[date, Day], today: date) -> tuple[State, list[Move]]:
    """The state at the beginning of `today`, and every day since the start. A day that is missing was silent."""
    state, moves = State(since=started_on), []
    on = started_on
    while on < today:
        day = days.get(on, Day(on=on))
        after, reason = advance(plan, state, day)
        moves.append(Move(day=day, before=state, after=after, reason=reason))
        state, on = after, on + DAY
    return state, moves


def advance(plan: Plan, state: State, day: Day) -> tuple[State, str]:
    """The state after `day`, and why it is so."""
    seen = replace(state, sent=state.sent + day.sent, last_sent_on=day.on if day.sent else state.last_sent_on)
    if _is_cold(seen, day.on):
        return _at(seen, 0, day), f"nothing was sent for {IDLE_DAYS} days: from the beginning"
    if state.phase is Phase.WARM:
        return seen, "warm"
    if day.level is Level.PAUSED:
        return replace(seen, phase=Phase.STOPPED, held=seen.held + 1), "paused by a detector: stopped"
    if state.phase is Phase.STOPPED:
        return _after_stop(seen, day)
    return _while_warming(plan, seen, day)


def today(plan: Plan, state: State, day: Day) -> Today:
    """What may be sent on the day `day.on`, of which `day` says what is known so far."""
    volume = _volume(plan, day)
    if state.phase is Phase.WARM:
        return Today(limit=None, per=plan.per, sent=volume, reason="warm: the plan is done")
    if state.phase is Phase.STOPPED or day.level is Level.PAUSED:
        reason = "stopped: a detector asks for a pause" if day.level is Level.PAUSED else "stopped until a day is clean"
        lower = plan.steps[max(state.step - 1, 0)]
        return Today(limit=0, per=plan.per, sent=volume, reason=reason, next_on=day.on + DAY, next_limit=lower)
    step, number = state.step, f"step {state.step + 1} of {len(plan.steps)}"
    if day.level is Level.THROTTLED:
        limit = plan.steps[max(step - 1, 0)]
        reason = f"{number}, throttled by a detector today: the step below"
        return Today(limit=limit, per=plan.per, sent=volume, reason=reason, next_on=day.on + DAY, next_limit=limit)
    limit = plan.steps[step]
    if day.level is not Level.HEALTHY:
        reason = f"{number}, {day.level.value}: held"
        return Today(limit=limit, per=plan.per, sent=volume, reason=reason, next_on=day.on + DAY, next_limit=limit)
    following = plan.steps[step + 1] if step + 1 < len(plan.steps) else None
    reason = f"{number}, held so far for {state.held} day{'s' * (state.held > 1)}" if state.held else number
    return Today(
        limit=limit, per=plan.per, sent=volume, reason=reason, next_on=day.on + DAY, next_limit=following,
        needed=needed(plan, step),
    )  # fmt: skip


def needed(plan: Plan, step: int) -> int:
    """How many messages a step wants to see sent: on one day, or in one hour of it."""
    return ceil(plan.sent_share * plan.steps[step])


def _while_warming(plan: Plan, seen: State, day: Day) -> tuple[State, str]:
    if day.level is Level.THROTTLED:
        return _at(seen, max(seen.step - 1, 0), day), "throttled by a detector: one step back"
    if day.level is not Level.HEALTHY:
        return _held(seen), f"{day.level.value}: held"
    return _when_clean(plan, seen, day)


def _when_clean(plan: Plan, seen: State, day: Day) -> tuple[State, str]:
    volume, limit, least = _volume(plan, day), plan.steps[seen.step], needed(plan, seen.step)
    what = f"{volume:,} of {limit:,}" + (" in the busiest hour" if plan.per == "hour" else "")
    if volume < least:
        return _held(seen), f"{what} sent, {least:,} are needed: held"
    beyond = ", more than the plan allows" if volume > limit else ""
    if seen.step + 1 == len(plan.steps):
        return replace(_at(seen, seen.step, day), phase=Phase.WARM), f"clean, {what} sent{beyond}: warm"
    return _at(seen, seen.step + 1, day), f"clean, {what} sent{beyond}: next step"


def _after_stop(seen: State, day: Day) -> tuple[State, str]:
    if day.level is not Level.HEALTHY:
        return replace(seen, held=seen.held + 1), f"{day.level.value}: still stopped"
    return _at(seen, max(seen.step - 1, 0), day), "a clean day after the stop: on, one step lower"


def _is_cold(seen: State, on: date) -> bool:
    """Has it been silent too long, with anything to lose by it?"""
    idle = seen.last_sent_on is not None and (on - seen.last_sent_on).days >= IDLE_DAYS
    return idle and (seen.step > 0 or seen.phase is not Phase.WARMING)


def _at(seen: State, step: int, day: Day) -> State:
    """At the beginning of a step, the day after `day`."""
    return State(since=day.on + DAY, step=step, last_sent_on=seen.last_sent_on)


def _held(seen: State) -> State:
    return replace(seen, held=seen.held + 1)


def _volume(plan: Plan, day: Day) -> int:
    return day.busiest_hour if plan.per == "hour" else day.sent
