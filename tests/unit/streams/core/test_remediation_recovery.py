"""How a stopped key comes back by evidence, and when it does not."""

from __future__ import annotations

import itertools
import json
from functools import partial

import pytest

from schemas.aggregates import KeyKind, Level
from schemas.policy import Policy, Recovery
from schemas.remediation import Action, Decision, Mode, Verb
from schemas.verdicts import Verdict
from streams.core.remediation import late_mail
from streams.core.remediation.desk import Desk
from streams.core.remediation.late_mail import due_share, exposure, with_new
from tests.unit.streams.core.remediation_cases import (
    DAY,
    HOUR,
    IP,
    at,
    desk_with,
    ruling_on,
    run,
    said,
    verdict_of,
    wait,
)


def sent(minute: float, attempts: int, bounced: int, level: Level = Level.PAUSED) -> Verdict:
    """The campaign after 1,000 messages of which 80 bounced, and `attempts` more since it came back."""
    return verdict_of(minute, level, delivered=920 + attempts - bounced, bounced_address=80 + bounced)


def on_canary(policy: Policy | None = None) -> tuple[Desk, list[Decision]]:
    desk = desk_with(policy) if policy else desk_with()
    decided = run(desk, sent(0, 0, 0))
    return desk, decided + wait(desk, 0, 61)


def test_a_paused_campaign_stays_so_until_the_cool_down_is_over_and_then_a_canary_goes_out() -> None:
    desk = desk_with()
    run(desk, sent(0, 0, 0))
    assert wait(desk, 0, 59) == []
    assert run(desk, sent(59.5, 0, 0, Level.HEALTHY)) == []
    [canary] = wait(desk, 59, 61)
    assert (canary.action, canary.share, canary.state) == (Action.RESUME_CAMPAIGN, 0.01, "recovering")
    assert canary.decided_at == at(60)


def test_clean_mail_lets_the_share_grow_step_by_step_to_all_of_it() -> None:
    desk, _ = on_canary()
    assert run(desk, sent(80, 400, 4)) == []
    minutes = range(90, 260, 2)
    grown = [d for minute in minutes for d in run(desk, sent(minute, 600 + 20 * minute, 6 + minute // 10))]
    assert {d.action for d in grown} == {"resume_campaign"}
    shares = [d.share for d in grown]
    assert shares[:3] == [0.015, 0.0225, 0.0338]
    assert shares[-1] == 1.0
    assert all(late / early <= 1.5 + 1e-2 for early, late in itertools.pairwise(shares))
    assert all(late.decided_at - early.decided_at >= 600_000 for early, late in itertools.pairwise(grown))
    evidence = json.loads(grown[0].evidence)["recovery"]
    assert evidence["is_accepted"]
    assert evidence["tests"][0]["speaks_for"] >= evidence["limits"]["accept_at"] == 2.995732
    assert evidence["since_resume"]["attempts"] >= evidence["canary_messages"] == 500


def test_a_canary_as_bad_as_before_is_stopped_again_and_the_second_time_over_a_person_is_called() -> None:
    desk, decided = on_canary()
    attempts, minute = 0, 61.0
    for _ in range(3):
        attempts, minute = attempts + 120, minute + 5
        decided += run(desk, sent(minute, attempts, round(attempts * 0.08)))
        decided += wait(desk, minute, minute + 61)
        minute += 61
    assert said(decided) == [
        ("pause_campaign", 0.0, "paused"), ("resume_campaign", 0.01, "recovering"),
        ("pause_campaign", 0.0, "paused"), ("resume_campaign", 0.01, "recovering"),
        ("pause_campaign", 0.0, "paused"), ("resume_campaign", 0.01, "recovering"),
        ("pause_campaign", 0.0, "paused"), ("alert", 0.0, "paused"),
    ]  # fmt: skip
    assert "shows that the cause (bounces) is not over" in decided[2].reason
    assert decided[-1].reason.startswith("A person must resume it: it was stopped 4 times within seven days.")
    assert wait(desk, minute, minute + 3 * DAY, every=30) == []
    assert run(desk, sent(minute + 3 * DAY, attempts, round(attempts * 0.08) + 1)) == []
    assert len({d.decision_id for d in decided}) == len(decided)


def test_the_watch_still_remembering_the_old_mail_does_not_stop_a_campaign_that_came_back() -> None:
    desk, _ = on_canary()
    minutes = range(70, 400, 5)
    decided = [d for minute in minutes for d in run(desk, sent(minute, 40 * minute, minute // 5))]
    assert decided[-1].share == 1.0
    assert {d.level for d in decided} == {"paused"}
    assert {d.action for d in decided} == {"resume_campaign"}


def test_what_came_back_and_turns_bad_later_is_stopped_by_new_mail_alone() -> None:
    desk, _ = on_canary()
    for minute in range(70, 400, 5):
        run(desk, sent(minute, 40 * minute, minute // 5))
    stopped = [d for m in range(1, 30) for d in run(desk, sent(400 + m, 16_000 + 100 * m, 80 + 10 * m))]
    assert said(stopped)[0] == ("pause_campaign", 0.0, "paused")


def test_a_recovered_campaign_is_done_with_after_an_hour_of_health_and_its_stop_remembered_for_a_week() -> None:
    desk, _ = on_canary()
    for minute in range(70, 400, 5):
        run(desk, sent(minute, 40 * minute, minute // 5, Level.HEALTHY))
    wait(desk, 400, 470)
    state = desk.state("acme", "campaign", "spring")
    assert (state.phase, state.trial, len(state.stops)) == (Level.HEALTHY, None, 1)
    wait(desk, 470, 7 * DAY + HOUR, every=30)
    assert desk.state("acme", "campaign", "spring").stops == ()


def test_nothing_grows_without_new_mail() -> None:
    desk, _ = on_canary()
    [accepted] = run(desk, sent(80, 600, 6))
    assert accepted.share == 0.015
    assert run(desk, sent(81, 610, 6)) == []
    assert [d.share for d in wait(desk, 81, 300)] == [0.0225]


def test_an_address_comes_back_at_once_and_is_rested_again_if_it_is_still_refused() -> None:
    desk = desk_with()
    blocked = partial(verdict_of, kind=KeyKind.IP, key=IP, detector="block_cusum")
    [rested] = run(desk, blocked(0, bounced_block=40, delivered=260))
    [back] = wait(desk, 0, 61)
    assert said([rested, back]) == [("rest_ip", 0.0, "paused"), ("return_ip", 1.0, "recovering")]
    [again] = run(desk, blocked(70, bounced_block=60, delivered=440))
    assert said([again]) == [("rest_ip", 0.0, "paused")]
    [back] = wait(desk, 70, 131)
    assert run(desk, blocked(200, Level.HEALTHY, bounced_block=65, delivered=1440)) == []
    assert desk.state("acme", "ip", IP).trial is not None
    wait(desk, 200, 261)
    assert desk.state("acme", "ip", IP).phase == Level.HEALTHY


@pytest.mark.parametrize(
    ("detector", "work"),
    [
        ("blocklist_cusum", "a blocklist has the sender; have it taken off, then resume by hand"),
        ("auth_cusum", "its mail is refused as not authenticated; mend SPF"),
        ("something_new", "the cause is something_new, which only a person"),
    ],
)
def test_a_cause_that_evidence_cannot_end_waits_for_a_person(detector: str, work: str) -> None:
    desk = desk_with()
    [decision] = run(desk, verdict_of(0, detector=detector))
    assert json.loads(decision.evidence)["resumes"].startswith(f"a person: revert this decision; {work}")
    assert f". Only a person resumes it: {work}" in decision.reason
    assert wait(desk, 0, DAY, every=10) == []


def test_a_listed_address_stays_rested_until_a_person_and_is_watched_when_it_comes_back() -> None:
    desk = desk_with()
    refused = partial(verdict_of, kind=KeyKind.IP, key=IP)
    [rested] = run(desk, refused(0, detector="blocklist_cusum", bounced_block=40, delivered=260))
    assert (rested.action, rested.cause) == (Action.REST_IP, "blocklist")
    run(desk, refused(1, detector="block_cusum", bounced_block=90, delivered=260))
    assert wait(desk, 1, 20 * DAY, every=HOUR) == []
    assert desk.state("acme", "ip", IP).causes == ("blocklist",)
    [back] = desk.rule(ruling_on(rested, Verb.REVERT, why="delisted"), rested)
    assert said([back]) == [("return_ip", 1.0, "recovering")]
    [again] = run(desk, refused(20 * DAY + 10, detector="block_cusum", bounced_block=140, delivered=500))
    assert (again.action, again.cause) == (Action.REST_IP, "blocklist")
    assert wait(desk, 20 * DAY + 10, 22 * DAY, every=HOUR) == []


def test_an_address_that_came_back_and_is_listed_by_then_waits_for_a_person() -> None:
    desk = desk_with()
    refused = partial(verdict_of, kind=KeyKind.IP, key=IP)
    [rested] = run(desk, refused(0, detector="block_cusum", bounced_block=40, delivered=260))
    assert rested.cause == "blocks"
    [_back] = wait(desk, 0, 61)
    [again] = run(desk, refused(70, detector="blocklist_cusum", bounced_block=90, refused_listed=50, delivered=440))
    assert "Only a person resumes it: a blocklist has the sender" in again.reason
    assert json.loads(again.evidence)["machine"]["causes"] == ["blocklist", "blocks"]
    assert wait(desk, 70, DAY, every=10) == []


def test_a_policy_that_resumes_nothing_by_itself_is_obeyed() -> None:
    desk, decided = on_canary(Policy(mode=Mode.ACT, recovery=Recovery(is_automatic=False)))
    assert len(decided) == 1
    assert wait(desk, 61, DAY, every=10) == []


def test_a_stopped_key_that_nobody_resumes_is_forgotten_with_notice() -> None:
    desk, _ = on_canary(Policy(mode=Mode.ACT, recovery=Recovery(is_automatic=False)))
    [notice] = wait(desk, 61, 40 * DAY, every=HOUR)
    assert notice.action == Action.ALERT
    assert "29 days" in notice.reason
    wait(desk, 40 * DAY, 60 * DAY, every=HOUR)
    assert (("acme", "campaign", "spring"), "") in desk.changed()


def test_late_complaints_about_old_mail_do_not_speak_against_the_new() -> None:
    """100,000 messages at 0.3 % before the stop; the canary's mail is clean."""
    desk = desk_with()
    before = {"delivered": 100_000}
    old = 300.0

    def complaining(minute: float, new: int = 0) -> Verdict:
        due = due_share(minute * 60_000 + 1)
        own = sum(200 * due_share((minute - m) * 60_000) for m in range(61, int(minute), 5)) if new else 0.0
        return verdict_of(
            minute, detector="complaint_exposure", complained=round(old * due),
            exposed=100_000 * due + own, delivered=before["delivered"] + new,
        )  # fmt: skip

    decided = run(desk, complaining(30)) + wait(desk, 30, 91)
    assert [d.action for d in decided] == ["pause_campaign", "resume_campaign"]
    for minute in range(95, 95 + 24 * 60, 5):
        decided += run(desk, complaining(minute, new=40 * (minute - 91)))
    assert {d.action for d in decided[1:]} == {"resume_campaign"}


def test_cohorts_of_new_mail_are_few_and_exact_enough() -> None:
    cohorts: tuple[late_mail.Cohort, ...] = ()
    exact: list[late_mail.Cohort] = []
    for minute in range(3 * 24 * 60):
        cohorts = with_new(cohorts, 5, at(minute))
        exact.append((at(minute), 5))
        if minute % 97 == 0:
            assert exposure(cohorts, at(minute + 1)) == pytest.approx(exposure(tuple(exact), at(minute + 1)), rel=0.03)
    assert len(cohorts) <= late_mail.COHORTS
