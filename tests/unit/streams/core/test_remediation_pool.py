"""A campaign whose sender cannot slow it down goes through the probation pool, and comes back out of it."""

from __future__ import annotations

import pytest

from schemas.aggregates import KeyKind, Level
from schemas.policy import Policy
from schemas.remediation import Action, Decision, Mode, Verb
from streams.core.remediation.desk import Desk
from tests.unit.streams.core.remediation_cases import DAY, desk_with, ruling_on, run, verdict_of, wait

POOL = Policy(mode=Mode.ACT, version="8", probation_pool="slow")
PLACE = ("acme", "campaign", "spring")
HEALTHY, THROTTLED, PAUSED = Level.HEALTHY, Level.THROTTLED, Level.PAUSED


def moves(decisions: list[Decision]) -> list[tuple[str, str, str]]:
    return [(d.action, d.ip_pool, d.state) for d in decisions]


def test_it_is_moved_in_place_of_slowed_down_and_back_after_a_quiet_hour() -> None:
    desk = desk_with(POOL)
    [away] = run(desk, verdict_of(0, THROTTLED))
    assert moves([away]) == [("move_pool", "slow", "throttled")]
    assert "Move campaign spring into the probation pool" in away.reason
    assert "an hour without a signal moves it back" in away.evidence
    assert run(desk, verdict_of(15, THROTTLED), verdict_of(30, HEALTHY)) == []
    assert wait(desk, 30, 89) == []
    [back] = wait(desk, 89, 101)
    assert moves([back]) == [("move_pool", "", "watch")]
    assert back.reason == "An hour was quiet. Move campaign spring back to its own pool."
    assert not desk.state(*PLACE).is_moved


def test_a_day_without_a_word_moves_it_back_too() -> None:
    desk = desk_with(POOL)
    run(desk, verdict_of(0, THROTTLED))
    assert moves(wait(desk, 0, DAY + 11)) == [("move_pool", "", "healthy")]


def test_what_gets_worse_is_stopped_and_will_come_back_through_its_own_pool() -> None:
    desk = desk_with(POOL)
    run(desk, verdict_of(0, THROTTLED))
    stopped = run(desk, verdict_of(1, PAUSED))
    assert moves(stopped) == [("pause_campaign", "", "paused"), ("move_pool", "", "paused")]
    state = desk.state(*PLACE)
    assert (state.phase, state.share, state.is_moved, len(state.stops)) == (PAUSED, 0.0, False, 1)
    [resumed] = wait(desk, 1, 62)
    assert (resumed.action, resumed.share) == (Action.RESUME_CAMPAIGN, 0.01)


@pytest.mark.parametrize("kind", [KeyKind.CAMPAIGN_PROVIDER, KeyKind.IP_PROVIDER])
def test_only_whole_campaigns_are_moved(kind: KeyKind) -> None:
    level = PAUSED if kind == KeyKind.CAMPAIGN_PROVIDER else THROTTLED
    [decision] = run(desk_with(POOL), verdict_of(0, level, kind, "spring|gmail", detector="block_cusum"))
    assert decision.action == Action.THROTTLE


def test_a_person_takes_it_back_and_new_mail_is_judged() -> None:
    desk = desk_with(POOL)
    [away] = run(desk, verdict_of(0, THROTTLED))
    [back] = desk.rule(ruling_on(away, Verb.REVERT), away)
    assert moves([back]) == [("move_pool", "", "recovering")]
    assert not desk.state(*PLACE).is_moved


@pytest.mark.parametrize("policy", [POOL, POOL.model_copy(update={"probation_pool": ""})])
def test_taking_back_what_held_a_stopped_campaign_does_not_start_it(policy: Policy) -> None:
    desk = desk_with(policy)
    [held] = run(desk, verdict_of(0, THROTTLED))
    run(desk, verdict_of(1, PAUSED))
    [back] = desk.rule(ruling_on(held, Verb.REVERT), held)
    assert (back.action, back.state) == (held.action, "paused")
    assert (desk.state(*PLACE).phase, desk.state(*PLACE).share) == (PAUSED, 0.0)
    assert desk.rule(ruling_on(held, Verb.REVERT), held) == []


def test_a_desk_that_was_put_back_knows_that_it_is_moved() -> None:
    desk, other = desk_with(POOL), desk_with(POOL)
    run(desk, verdict_of(0, THROTTLED))
    other.restore(desk.changed())
    assert other.state(*PLACE).is_moved
    assert moves(worse(other)) == moves(worse(desk))


def worse(desk: Desk) -> list[Decision]:
    return run(desk, verdict_of(1, PAUSED))
