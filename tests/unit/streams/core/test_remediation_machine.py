"""One key's way through its states, and which of several keys is acted on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from schemas.aggregates import KeyKind, Level
from schemas.policy import Policy
from schemas.remediation import Action, Mode
from streams.core.remediation.actions import ACTIONS, judging_order, wanted
from streams.core.remediation.state import NOTHING
from tests.unit.streams.core.remediation_cases import (
    ACT,
    DAY,
    HOUR,
    IP,
    at,
    desk_with,
    of_tenant,
    run,
    said,
    verdict_of,
    wait,
)

BLOCK = "block_cusum"
THROTTLED, PAUSED, HEALTHY, WATCH = Level.THROTTLED, Level.PAUSED, Level.HEALTHY, Level.WATCH


def test_a_paused_campaign_is_decided_once_and_the_decision_explains_itself() -> None:
    desk = desk_with()
    [decision] = run(desk, verdict_of())
    assert (decision.action, decision.mode, decision.level) == (Action.PAUSE_CAMPAIGN, Mode.ACT, PAUSED)
    assert (decision.share, decision.state, decision.cause) == (0.0, "paused", "bounces")
    assert decision.reason.startswith("40 of the last 300 attempts failed. Pause campaign spring: bounce_cusum 13,")
    assert (decision.campaign_id, decision.sources, decision.policy_version) == ("spring", ["esp"], "7")
    assert (decision.first_signal_at, decision.decided_at, decision.as_of) == (at(0), at(0), at(0) - 500)
    evidence = json.loads(decision.evidence)
    assert evidence["signals"][0]["pause"] == 12.0
    low, high = evidence["intervals"]["bounce_cusum"]
    assert 0.10 < low < 40 / 300 < high < 0.17
    assert "after 60 minutes" in evidence["resumes"]
    assert run(desk, verdict_of(1.0)) == []


def test_worse_levels_are_decided_anew_and_milder_ones_are_not() -> None:
    desk = desk_with()
    levels = (WATCH, THROTTLED, WATCH, THROTTLED, PAUSED, THROTTLED)
    decided = run(desk, *(verdict_of(minute, level) for minute, level in enumerate(levels)))
    assert [(d.action, d.previous_level) for d in decided] == [("throttle", "watch"), ("pause_campaign", "throttled")]
    assert {d.first_signal_at for d in decided} == {at(0)}


def test_an_hour_of_quiet_ends_an_episode_and_less_does_not() -> None:
    desk = desk_with()
    [first] = run(desk, of_tenant(0, THROTTLED))
    run(desk, of_tenant(1, HEALTHY))
    assert wait(desk, 1, 59) == []
    assert run(desk, of_tenant(60, THROTTLED), of_tenant(70, HEALTHY)) == []
    wait(desk, 70, 131)
    assert desk.state("acme", "tenant", "acme").phase == HEALTHY
    [second] = run(desk, of_tenant(180, THROTTLED))
    assert first.decision_id != second.decision_id
    assert second.first_signal_at == at(180)


def test_time_passes_for_a_key_that_says_nothing_any_more() -> None:
    desk = desk_with()
    run(desk, verdict_of(0, WATCH))
    wait(desk, 0, DAY + 1, every=10)
    assert desk.state("acme", "campaign", "spring") == NOTHING
    assert desk.changed()[-1] == (("acme", "campaign", "spring"), "")


def test_a_trouble_that_is_only_reported_is_reported_again_after_a_day() -> None:
    desk = desk_with()
    [first] = run(desk, of_tenant())
    assert run(desk, *(of_tenant(hour * HOUR) for hour in range(1, 24))) == []
    [second] = run(desk, of_tenant(DAY))
    assert second.decision_id != first.decision_id


@pytest.mark.parametrize("level", [HEALTHY, WATCH])
def test_healthy_and_watch_decide_nothing(level: Level) -> None:
    assert run(desk_with(), verdict_of(level=level)) == []


def test_only_campaigns_and_refused_addresses_are_ever_stopped() -> None:
    stopping = {
        (kind, level) for kind, by_level in ACTIONS.items() for level, action in by_level.items()
        if action in {Action.PAUSE_CAMPAIGN, Action.REST_IP}
    }  # fmt: skip
    assert stopping == {(KeyKind.CAMPAIGN, PAUSED), (KeyKind.IP, PAUSED), (KeyKind.IP_PROVIDER, PAUSED)}
    assert set(ACTIONS) == set(KeyKind)


def test_an_address_is_rested_for_blocks_and_not_for_complaints() -> None:
    assert wanted(verdict_of(kind=KeyKind.IP, key=IP, detector=BLOCK)) == Action.REST_IP
    assert wanted(verdict_of(kind=KeyKind.IP, key=IP, detector="blocklist_cusum")) == Action.REST_IP
    assert wanted(verdict_of(kind=KeyKind.IP, key=IP, detector="complaint_cusum")) == Action.ALERT


@pytest.mark.parametrize("level", [THROTTLED, PAUSED])
def test_mail_that_is_not_authenticated_is_reported_and_its_address_left_alone(level: Level) -> None:
    [decision] = run(desk_with(), verdict_of(0, level, KeyKind.IP_PROVIDER, f"{IP}|gmail", detector="auth_cusum"))
    assert (decision.action, decision.cause, decision.state) == (Action.ALERT, "compliance", "watch")


@pytest.mark.parametrize("detector", [BLOCK, "blocklist_cusum", "auth_cusum"])
def test_an_address_refused_at_one_provider_explains_the_address_whatever_the_replies_say(detector: str) -> None:
    desk = desk_with()
    assert len(run(desk, verdict_of(0, kind=KeyKind.IP_PROVIDER, key=f"{IP}|gmail", detector=detector))) == 1
    assert run(desk, verdict_of(1, kind=KeyKind.IP, key=IP, detector=detector)) == []


def test_the_keys_of_a_decision_about_a_provider_are_taken_apart() -> None:
    [decision] = run(desk_with(), verdict_of(kind=KeyKind.IP_PROVIDER, key=f"{IP}|gmail", detector=BLOCK))
    assert (decision.sending_ip, decision.mailbox_provider, decision.campaign_id) == (IP, "gmail", "")
    assert decision.action == Action.REST_IP
    assert f". Rest address {IP} at gmail: " in decision.reason


def test_a_throttle_is_halved_by_bad_steps_given_back_by_clean_ones_and_lifted_at_last() -> None:
    desk = desk_with()
    decided = [d for minute in range(60) for d in run(desk, verdict_of(minute, THROTTLED))]
    assert [d.share for d in decided] == [0.5, 0.25, 0.125, 0.0625, 0.05]
    assert [(d.decided_at - at(0)) // 60_000 for d in decided] == [0, 10, 20, 30, 40]
    raised = [d for minute in range(60, 200) for d in run(desk, verdict_of(minute, HEALTHY))]
    assert [d.share for d in raised] == [0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0]
    assert {d.action for d in decided + raised} == {"throttle"}
    assert "all of its mail goes out" in raised[-1].reason
    assert desk.state("acme", "campaign", "spring").share == 1.0
    assert len({d.decision_id for d in decided + raised}) == 15


def test_a_throttle_does_not_outlive_a_day_of_silence() -> None:
    desk = desk_with()
    run(desk, verdict_of(0, THROTTLED))
    [lifted] = wait(desk, 0, DAY + 20, every=10)
    assert (lifted.action, lifted.share) == ("throttle", 1.0)
    assert run(desk, verdict_of(DAY + 30, THROTTLED)) != []


def test_a_bad_campaign_explains_the_shared_keys_it_drags_down_for_a_day() -> None:
    desk = desk_with()
    assert run(desk, verdict_of())
    for kind, key in ((KeyKind.DOMAIN, "acme.example"), (KeyKind.TENANT, "acme"), (KeyKind.PROVIDER, "gmail")):
        assert run(desk, verdict_of(kind=kind, key=key)) == []
    assert run(desk, verdict_of(kind=KeyKind.IP, key=IP, detector="complaint_cusum")) == []
    assert run(desk, verdict_of(kind=KeyKind.CAMPAIGN_PROVIDER, key="spring|gmail")) == []
    assert said(run(desk, verdict_of(DAY, kind=KeyKind.TENANT, key="acme")))[0][0] == "alert"


def test_another_tenants_campaign_explains_nothing() -> None:
    desk = desk_with()
    run(desk, verdict_of(tenant="other"))
    assert run(desk, verdict_of(kind=KeyKind.TENANT, key="acme")) != []


def test_a_block_at_one_provider_rests_the_address_there_and_not_everywhere() -> None:
    desk = desk_with()
    [narrow] = run(desk, verdict_of(kind=KeyKind.IP_PROVIDER, key=f"{IP}|gmail", detector=BLOCK))
    assert narrow.action == Action.REST_IP
    assert run(desk, verdict_of(kind=KeyKind.IP, key=IP, detector=BLOCK)) == []
    [other] = run(desk, verdict_of(kind=KeyKind.IP, key="192.0.2.2", detector=BLOCK))
    assert other.action == Action.REST_IP


def test_a_paused_campaign_does_not_hide_a_block() -> None:
    desk = desk_with()
    run(desk, verdict_of())
    assert run(desk, verdict_of(kind=KeyKind.IP_PROVIDER, key=f"{IP}|gmail", detector=BLOCK)) != []
    assert run(desk, verdict_of(kind=KeyKind.IP, key="192.0.2.9", detector=BLOCK)) != []


def test_a_slot_is_judged_narrow_kinds_first() -> None:
    keys = [(kind, "a|b" if "provider" in kind and kind != "provider" else "a") for kind in KeyKind]
    kinds = [v.kind for v in sorted((verdict_of(kind=kind, key=key) for kind, key in keys), key=judging_order)]
    assert kinds.index(KeyKind.CAMPAIGN) < kinds.index(KeyKind.CAMPAIGN_PROVIDER)
    assert kinds.index(KeyKind.IP_PROVIDER) < kinds.index(KeyKind.IP)
    assert kinds.index(KeyKind.DOMAIN_PROVIDER) < kinds.index(KeyKind.DOMAIN)
    assert kinds[-1] == KeyKind.TENANT


def test_a_verdict_read_twice_or_again_after_newer_ones_changes_nothing() -> None:
    desk = desk_with()
    first, second = verdict_of(0, WATCH, key="a"), verdict_of(1, THROTTLED, key="b")
    assert len(run(desk, first, second)) == 1
    desk.changed()
    assert run(desk, first, second, replace(verdict_of(0.5), key="c")) == []
    assert desk.changed() == []


def test_a_desk_with_another_mode_decides_the_same_and_says_so() -> None:
    modes = {}
    for mode in (Mode.OBSERVE, Mode.SUGGEST, Mode.ACT):
        [decision] = run(desk_with(Policy(mode=mode, version="7")), verdict_of())
        modes[decision.mode] = (decision.decision_id, decision.action, decision.reason)
    assert set(modes) == {"observe", "suggest", "act"}
    assert len(set(modes.values())) == 1
    assert ACT.mode == Mode.ACT
