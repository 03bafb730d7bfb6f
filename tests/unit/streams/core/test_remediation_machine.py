"""One key's decisions, and all keys together."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest

from schemas.aggregates import KeyKind, Level
from schemas.config import Policy
from schemas.remediation import Action, Decision, Mode
from schemas.topics import DAY_MS, HOUR_MS
from streams.core.remediation.actions import ACTIONS, wanted
from streams.core.remediation.desk import Desk
from streams.core.remediation.machine import Context, KeyState, restore, step
from tests.unit.streams.core.reputation_cases import START, score_of

ACT = Policy(mode=Mode.ACT, max_pauses_per_hour=2, version="7")
NOW = START + 5_000
IP = "192.0.2.1"


def levels_of(*levels: Level, hours: float = 0.1) -> Iterator[tuple[int, Level]]:
    return ((START + int(place * hours * HOUR_MS), level) for place, level in enumerate(levels))


def test_a_paused_campaign_is_decided_once_and_the_decision_explains_itself() -> None:
    state, decision = step(KeyState(), score_of(), ACT, NOW)
    assert decision is not None
    assert (decision.action, decision.mode, decision.level) == (Action.PAUSE_CAMPAIGN, Mode.ACT, Level.PAUSED)
    assert decision.reason.startswith("40 of the last 300 attempts failed")
    assert ". Pause campaign spring: bounce_cusum " in decision.reason
    assert decision.campaign_id == "spring"
    assert decision.sources == ["esp"]
    assert decision.policy_version == "7"
    assert (decision.first_signal_at, decision.decided_at, decision.as_of) == (NOW, NOW, START)
    assert json.loads(decision.evidence)["signals"][0]["pause"] == 12.0
    again, none = step(state, score_of(as_of=START + 60_000), ACT, NOW + 60_000)
    assert none is None
    assert again.steps == state.steps


def test_a_stopped_key_stays_stopped_through_healthy_scores() -> None:
    state, _ = step(KeyState(), score_of(), ACT, NOW)
    for hours in range(1, 60):
        level = Level.HEALTHY if hours % 3 else Level.PAUSED
        state, decision = step(state, score_of(level=level, as_of=START + hours * HOUR_MS), ACT, NOW)
        assert decision is None
    assert state.is_stopped


def test_worse_levels_are_decided_anew_and_milder_ones_are_not() -> None:
    state, decided = KeyState(), []
    order = levels_of(Level.WATCH, Level.THROTTLED, Level.WATCH, Level.THROTTLED, Level.PAUSED, Level.THROTTLED)
    for as_of, level in order:
        state, decision = step(state, score_of(level=level, as_of=as_of), ACT, NOW + as_of - START)
        decided += [decision] if decision else []
    assert [(d.action, d.previous_level) for d in decided] == [("throttle", "healthy"), ("pause_campaign", "throttled")]
    assert {d.first_signal_at for d in decided} == {NOW}


def test_an_hour_of_quiet_ends_an_episode_and_less_does_not() -> None:
    state, first = step(KeyState(), score_of(level=Level.THROTTLED), ACT, NOW)
    for minutes in (1, 30, 59):
        state, _ = step(state, score_of(level=Level.HEALTHY, as_of=START + minutes * 60_000), ACT, NOW)
    state, none = step(state, score_of(level=Level.THROTTLED, as_of=START + HOUR_MS), ACT, NOW)
    assert none is None
    for minutes in (70, 130):
        state, _ = step(state, score_of(level=Level.HEALTHY, as_of=START + minutes * 60_000), ACT, NOW)
    state, second = step(state, score_of(level=Level.THROTTLED, as_of=START + 3 * HOUR_MS), ACT, NOW + 9)
    assert first is not None
    assert second is not None
    assert first.decision_id != second.decision_id
    assert second.first_signal_at == NOW + 9


def test_the_same_evidence_gives_the_same_decision() -> None:
    one = step(KeyState(), score_of(), ACT, NOW)[1]
    two = step(KeyState(), score_of(), ACT, NOW + 12_345)[1]
    other = step(KeyState(), score_of(tenant="other"), ACT, NOW)[1]
    assert one is not None
    assert two is not None
    assert other is not None
    assert one.decision_id == two.decision_id != other.decision_id


@pytest.mark.parametrize("level", [Level.HEALTHY, Level.WATCH])
def test_healthy_and_watch_decide_nothing(level: Level) -> None:
    assert step(KeyState(), score_of(level=level), ACT, NOW)[1] is None


def test_only_campaigns_and_refused_addresses_are_ever_stopped() -> None:
    stopping = {
        (kind, level) for kind, by_level in ACTIONS.items() for level, action in by_level.items()
        if action in {Action.PAUSE_CAMPAIGN, Action.REST_IP}
    }  # fmt: skip
    assert stopping == {
        (KeyKind.CAMPAIGN, Level.PAUSED), (KeyKind.IP, Level.PAUSED), (KeyKind.IP_PROVIDER, Level.PAUSED),
    }  # fmt: skip
    assert set(ACTIONS) == set(KeyKind)


def test_an_address_is_rested_for_blocks_and_not_for_complaints() -> None:
    assert wanted(score_of(KeyKind.IP, IP, detector="block_cusum")) == Action.REST_IP
    assert wanted(score_of(KeyKind.IP, IP, detector="complaint_cusum")) == Action.ALERT


def test_the_keys_of_a_decision_about_a_provider_are_taken_apart() -> None:
    decision = step(KeyState(), score_of(KeyKind.IP_PROVIDER, f"{IP}|gmail", detector="block_cusum"), ACT, NOW)[1]
    assert decision is not None
    assert (decision.sending_ip, decision.mailbox_provider, decision.campaign_id) == (IP, "gmail", "")
    assert decision.action == Action.REST_IP
    assert f". Rest address {IP} at gmail: " in decision.reason


def test_over_the_hourly_limit_a_person_is_alerted_and_the_pause_follows_when_there_is_room() -> None:
    full = Context(stops_last_hour=2)
    state, decision = step(KeyState(), score_of(), ACT, NOW, full)
    assert decision is not None
    assert decision.action == Action.ALERT
    assert "2 were stopped in the last hour and the policy allows 2" in decision.reason
    state, none = step(state, score_of(), ACT, NOW, full)
    assert none is None
    _, later = step(state, score_of(), ACT, NOW)
    assert later is not None
    assert later.action == Action.PAUSE_CAMPAIGN


def test_an_action_the_policy_does_not_allow_becomes_an_alert_or_nothing() -> None:
    alerts = Policy(mode=Mode.ACT, actions=[Action.ALERT])
    decision = step(KeyState(), score_of(), alerts, NOW)[1]
    assert decision is not None
    assert decision.action == Action.ALERT
    assert "does not allow pause_campaign" in decision.reason
    assert step(KeyState(), score_of(), Policy(actions=[Action.THROTTLE]), NOW)[1] is None


def test_a_long_trouble_without_a_stop_is_decided_again_after_a_day() -> None:
    tenant = score_of(KeyKind.TENANT, "acme")
    state, first = step(KeyState(), tenant, ACT, NOW)
    state, none = step(state, score_of(KeyKind.TENANT, "acme", as_of=START + DAY_MS - 1), ACT, NOW)
    assert none is None
    _, second = step(state, score_of(KeyKind.TENANT, "acme", as_of=START + DAY_MS), ACT, NOW + DAY_MS)
    assert first is not None
    assert second is not None
    assert second.decision_id != first.decision_id


def decisions_of_a_day(desk: Desk) -> list[Decision]:
    decided = []
    for minute in range(300):
        as_of = START + minute * 60_000
        level = Level.THROTTLED if minute % 150 < 50 else Level.HEALTHY
        for score in (
            score_of(level=level, as_of=as_of),
            score_of(KeyKind.IP_PROVIDER, f"{IP}|gmail", level, as_of=as_of),
        ):
            decision = desk.consider(score, ACT, NOW + minute * 60_000)
            decided += [decision] if decision else []
    return decided


def test_states_are_found_again_in_the_decisions_in_any_order() -> None:
    desk = Desk()
    decided = decisions_of_a_day(desk)
    assert len(decided) == 4
    for shuffled in itertools.permutations(decided):
        states = restore(shuffled)
        assert states["acme", "campaign", "spring"].episodes == 2
        assert states["acme", "campaign", "spring"].steps == {("throttle", "throttled")}
    assert len({decision.decision_id for decision in decided}) == 4


def test_a_restarted_desk_does_not_pause_twice_and_remembers_the_hourly_limit() -> None:
    desk = Desk()
    made = [desk.consider(score_of(key=name), ACT, NOW) for name in ("a", "b")]
    again = Desk([decision for decision in made if decision])
    assert again.consider(score_of(key="a"), ACT, NOW + 1) is None
    third = again.consider(score_of(key="c"), ACT, NOW + 2)
    assert third is not None
    assert third.action == Action.ALERT
    much_later = again.consider(score_of(key="d"), ACT, NOW + HOUR_MS + 3)
    assert much_later is not None
    assert much_later.action == Action.PAUSE_CAMPAIGN


def test_a_bad_campaign_explains_the_shared_keys_it_drags_down() -> None:
    desk = Desk()
    assert desk.consider(score_of(), ACT, NOW)
    for kind, key in ((KeyKind.DOMAIN, "acme.example"), (KeyKind.TENANT, "acme"), (KeyKind.PROVIDER, "gmail")):
        assert desk.consider(score_of(kind, key), ACT, NOW) is None
    assert desk.consider(score_of(KeyKind.IP, IP, detector="complaint_cusum"), ACT, NOW) is None
    assert desk.consider(score_of(KeyKind.CAMPAIGN_PROVIDER, "spring|gmail"), ACT, NOW) is None
    other = desk.consider(score_of(KeyKind.TENANT, "acme", as_of=START + DAY_MS), ACT, NOW)
    assert other is not None
    assert other.action == Action.ALERT


def test_another_tenants_campaign_explains_nothing() -> None:
    desk = Desk()
    desk.consider(score_of(tenant="other"), ACT, NOW)
    assert desk.consider(score_of(KeyKind.TENANT, "acme"), ACT, NOW) is not None


def test_a_block_at_one_provider_rests_the_address_there_and_not_everywhere() -> None:
    desk = Desk()
    narrow = desk.consider(score_of(KeyKind.IP_PROVIDER, f"{IP}|gmail", detector="block_cusum"), ACT, NOW)
    assert narrow is not None
    assert narrow.action == Action.REST_IP
    assert desk.consider(score_of(KeyKind.IP, IP, detector="block_cusum"), ACT, NOW) is None
    other = desk.consider(score_of(KeyKind.IP, "192.0.2.2", detector="block_cusum"), ACT, NOW)
    assert other is not None
    assert other.action == Action.REST_IP


def test_a_paused_campaign_does_not_hide_a_block() -> None:
    desk = Desk()
    desk.consider(score_of(), ACT, NOW)
    assert desk.consider(score_of(KeyKind.IP_PROVIDER, f"{IP}|gmail", detector="block_cusum"), ACT, NOW) is not None
    assert desk.consider(score_of(KeyKind.IP, "192.0.2.9", detector="block_cusum"), ACT, NOW) is not None


def test_healthy_keys_are_not_remembered() -> None:
    desk = Desk()
    desk.consider(score_of(level=Level.HEALTHY), ACT, NOW)
    desk.consider(score_of(level=Level.WATCH), ACT, NOW)
    assert desk.state("acme", "campaign", "spring").first_signal_at == NOW
    for hours in (1, 3):
        desk.consider(score_of(level=Level.HEALTHY, as_of=START + hours * HOUR_MS), ACT, NOW)
    assert desk.state("acme", "campaign", "spring") == KeyState()
