"""A person's word: approve, reject, revert."""

from __future__ import annotations

import json
from dataclasses import replace

from schemas.aggregates import KeyKind, Level
from schemas.policy import Escalation, Policy, Rule
from schemas.remediation import Action, Decision, Mode, Verb
from streams.core.remediation.desk import Desk
from tests.unit.streams.core.remediation_cases import DAY, at, desk_with, ruling_on, run, said, verdict_of, wait

APPROVE = Policy(mode=Mode.APPROVE, version="7", approval_min=120)


def waiting(policy: Policy = APPROVE) -> tuple[Desk, Decision]:
    desk = desk_with(policy)
    [decision] = run(desk, verdict_of())
    return desk, decision


def test_a_decision_that_waits_is_not_in_force() -> None:
    desk, decision = waiting()
    assert (decision.mode, decision.expires_at, decision.state) == ("approve", at(120), "paused")
    assert desk.state("acme", "campaign", "spring").share == 1.0
    assert run(desk, verdict_of(1)) == []
    assert wait(desk, 1, 119) == []


def test_an_approved_decision_is_released_under_its_own_id_and_only_once() -> None:
    desk, decision = waiting()
    wait(desk, 0, 10)
    ruling = ruling_on(decision, Verb.APPROVE)
    [released] = desk.rule(ruling, decision)
    assert released.decision_id == decision.decision_id
    assert (released.mode, released.expires_at, released.decided_at) == ("act", 0, at(10))
    assert json.loads(released.evidence)["ruling"]["why"] == "known sender"
    assert desk.rule(ruling, decision) == []
    assert said(wait(desk, 10, 71)) == [("resume_campaign", 0.01, "recovering")]


def test_steps_that_follow_what_was_approved_need_no_further_word() -> None:
    desk, decision = waiting(Policy(mode=Mode.APPROVE))
    desk.rule(ruling_on(decision, Verb.APPROVE), decision)
    [canary] = wait(desk, 0, 61)
    assert (decision.mode, canary.mode) == ("approve", "approve")
    [released] = desk.rule(ruling_on(canary, Verb.APPROVE), canary)
    assert released.share == 0.01
    [again] = run(desk, verdict_of(70, delivered=100, bounced_address=20))
    assert (again.action, again.mode) == ("pause_campaign", "act")


def test_what_nobody_approves_in_time_is_recorded_and_not_done() -> None:
    desk, decision = waiting()
    [alert] = wait(desk, 0, 121)
    assert (alert.action, alert.decided_at) == ("alert", at(120))
    assert f"Nobody approved pause_campaign (decision {decision.decision_id}) in time" in alert.reason
    assert desk.rule(ruling_on(decision, Verb.APPROVE), decision) == []
    assert desk.state("acme", "campaign", "spring").share == 1.0


def test_an_approval_that_comes_too_late_does_nothing_even_before_the_next_tick() -> None:
    desk, decision = waiting()
    run(desk, verdict_of(120, Level.WATCH, key="other"))
    assert desk.rule(ruling_on(decision, Verb.APPROVE), decision) == []


def test_what_is_rejected_is_not_proposed_again_in_this_episode() -> None:
    desk, decision = waiting()
    assert desk.rule(ruling_on(decision, Verb.REJECT), decision) == []
    assert run(desk, verdict_of(5)) == []
    assert wait(desk, 5, 600) == []
    [anew] = run(desk, verdict_of(DAY))
    assert anew.decision_id != decision.decision_id


def test_a_rejected_resume_leaves_the_key_to_a_person() -> None:
    desk, _ = waiting(Policy(mode=Mode.APPROVE, rules=[Rule(actions=[Action.PAUSE_CAMPAIGN], mode=Mode.ACT)]))
    [canary] = wait(desk, 0, 61)
    desk.rule(ruling_on(canary, Verb.REJECT), canary)
    assert wait(desk, 61, 3 * DAY, every=10) == []
    assert desk.state("acme", "campaign", "spring").held == "ada rejected its resume"


def test_a_reverted_pause_lets_everything_out_and_new_mail_alone_is_judged() -> None:
    desk = desk_with()
    [pause] = run(desk, verdict_of(0, delivered=920, bounced_address=80))
    [back] = desk.rule(ruling_on(pause, Verb.REVERT), pause)
    assert said([back]) == [("resume_campaign", 1.0, "recovering")]
    assert (back.reverts, back.mode) == (pause.decision_id, "act")
    assert back.reason == f"ada takes back decision {pause.decision_id}: known sender"
    assert desk.rule(ruling_on(pause, Verb.REVERT), pause) == []
    assert run(desk, verdict_of(5, delivered=1_000, bounced_address=83)) == []
    [stopped] = run(desk, verdict_of(9, delivered=1_500, bounced_address=180))
    assert stopped.action == Action.PAUSE_CAMPAIGN


def test_a_reverted_resume_stays_stopped_until_a_person_resumes_it() -> None:
    desk = desk_with()
    run(desk, verdict_of())
    [canary] = wait(desk, 0, 61)
    [stop] = desk.rule(ruling_on(canary, Verb.REVERT), canary)
    assert said([stop]) == [("pause_campaign", 0.0, "paused")]
    assert wait(desk, 61, 3 * DAY, every=10) == []
    [back] = desk.rule(ruling_on(stop, Verb.REVERT), stop)
    assert said([back]) == [("resume_campaign", 1.0, "recovering")]


def test_a_reverted_throttle_is_lifted_and_an_alert_has_no_way_back() -> None:
    desk = desk_with()
    [throttle] = run(desk, verdict_of(0, Level.THROTTLED))
    [lifted] = desk.rule(ruling_on(throttle, Verb.REVERT), throttle)
    assert (lifted.action, lifted.share) == ("throttle", 1.0)
    assert run(desk, verdict_of(20, Level.THROTTLED)) == []
    [alert] = run(desk, verdict_of(21, kind=KeyKind.TENANT, key="acme", tenant="other"))
    assert desk.rule(ruling_on(alert, Verb.REVERT), alert) == []


def test_a_word_on_what_nobody_knows_or_another_tenants_decision_changes_nothing() -> None:
    desk, decision = waiting()
    desk.changed()
    assert desk.rule(ruling_on(decision, Verb.APPROVE), None) == []
    assert desk.rule(replace(ruling_on(decision, Verb.APPROVE), tenant="other"), decision) == []
    assert desk.changed() == []


def test_an_alert_that_was_answered_is_not_said_again() -> None:
    desk = desk_with(Policy(mode=Mode.ACT, escalation=Escalation(after_min=30, times=3)))
    [alert] = run(desk, verdict_of(kind=KeyKind.TENANT, key="acme"))
    desk.rule(ruling_on(alert, Verb.APPROVE), alert)
    assert wait(desk, 0, 600) == []


def test_what_waits_for_approval_is_asked_for_again() -> None:
    desk, _ = waiting(Policy(mode=Mode.APPROVE, escalation=Escalation(after_min=30, times=3)))
    assert [d.action for d in wait(desk, 0, 600)] == ["alert"] * 3
