"""What policies and limits leave of a wish."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from schemas.aggregates import KeyKind, Level
from schemas.policy import Escalation, Exemption, Policy, QuietHours, Rule
from schemas.remediation import Action, Mode
from streams.core.remediation.desk import Desk
from streams.core.remediation.quiet_hours import quiet_until
from tests.unit.streams.core.remediation_cases import DAY, HOUR, IP, at, desk_with, of_tenant, run, verdict_of, wait

THROTTLED = Level.THROTTLED


def policy_of(**changes: object) -> Policy:
    return Policy.model_validate({"mode": Mode.ACT, "version": "7"} | changes)


def test_over_the_hourly_limit_a_person_is_alerted_and_the_pause_follows_when_there_is_room() -> None:
    desk = desk_with(policy_of(max_pauses_per_hour=2))
    run(desk, verdict_of(0, key="a"), verdict_of(1, key="b"))
    [alert] = run(desk, verdict_of(2, key="c"))
    assert alert.action == Action.ALERT
    assert "2 were stopped in the last hour and the policy allows 2" in alert.reason
    assert run(desk, verdict_of(3, key="c")) == []
    [pause] = run(desk, verdict_of(60.1, key="c"))
    assert pause.action == Action.PAUSE_CAMPAIGN
    assert run(desk_with(), verdict_of(2, key="c", tenant="other"))[0].action == Action.PAUSE_CAMPAIGN


def test_a_canary_that_is_refused_is_stopped_whatever_the_limit_says() -> None:
    desk = desk_with(policy_of(max_pauses_per_hour=1))
    run(desk, verdict_of(0))
    wait(desk, 0, 61)
    run(desk, verdict_of(61.5, key="other"))
    [again] = run(desk, verdict_of(62, delivered=100, bounced_address=20))
    assert again.action == Action.PAUSE_CAMPAIGN


def test_no_more_of_a_tenants_mail_may_stand_still_than_the_policy_allows() -> None:
    desk = desk_with(policy_of(max_paused_share=0.5))
    run(desk, verdict_of(0, Level.WATCH, KeyKind.TENANT, "acme", delivered=10_000))
    [first] = run(desk, verdict_of(1, key="a", delivered=4_000))
    [second] = run(desk, verdict_of(2, key="b", delivered=2_000))
    [third] = run(desk, verdict_of(3, key="c", delivered=500))
    assert [d.action for d in (first, second, third)] == ["pause_campaign", "alert", "pause_campaign"]
    assert "60% of the tenant's mail would stand still and the policy allows 50%" in second.reason


def test_an_exempt_campaign_and_its_pairs_are_only_reported() -> None:
    desk = desk_with(policy_of(exempt=[Exemption(key="reset-*")]))
    [whole] = run(desk, verdict_of(key="reset-password"))
    [pair] = run(desk, verdict_of(kind=KeyKind.CAMPAIGN_PROVIDER, key="reset-mail|gmail"))
    assert (whole.action, pair.action, whole.share) == ("alert", "alert", 1.0)
    assert "the policy exempts it from pause campaign" in whole.reason


def test_an_action_the_policy_does_not_allow_becomes_an_alert_or_nothing() -> None:
    [alert] = run(desk_with(policy_of(actions=[Action.ALERT])), verdict_of())
    assert alert.action == Action.ALERT
    assert "does not allow pause_campaign" in alert.reason
    assert run(desk_with(policy_of(actions=[Action.THROTTLE])), verdict_of()) == []


def test_a_rule_gives_the_mode_of_an_action_on_a_kind() -> None:
    policy = policy_of(rules=[Rule(actions=[Action.REST_IP], kinds=[KeyKind.IP], mode=Mode.APPROVE)])
    desk = desk_with(policy)
    [rest] = run(desk, verdict_of(kind=KeyKind.IP, key=IP, detector="block_cusum"))
    [pause] = run(desk, verdict_of())
    assert (rest.mode, pause.mode) == ("approve", "act")


QUIET = QuietHours(start="22:00", end="07:00", zone="Europe/Berlin")  # START is 17:00 there


def test_in_quiet_hours_only_stops_go_out_and_the_rest_waits_until_they_end() -> None:
    desk = desk_with(policy_of(quiet_hours=QUIET))
    night = 6 * HOUR
    assert run(desk, verdict_of(night, THROTTLED, key="slow"), verdict_of(night, THROTTLED, key="cured")) == []
    assert [d.action for d in run(desk, verdict_of(night, key="bad"))] == ["pause_campaign"]
    run(desk, verdict_of(night + 1, Level.HEALTHY, key="cured"))
    late = wait(desk, night, 14 * HOUR + 5, every=5)
    assert [(d.action, d.key, d.decided_at) for d in late] == [
        ("resume_campaign", "bad", at(14 * HOUR)), ("throttle", "slow", at(14 * HOUR)),
    ]  # fmt: skip


def test_an_alert_in_place_of_a_stop_does_not_wait() -> None:
    desk = desk_with(policy_of(quiet_hours=QUIET, max_pauses_per_hour=0))
    assert [d.action for d in run(desk, verdict_of(6 * HOUR))] == ["alert"]


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("start", "end", "now", "until"),
    [
        ("22:00", "07:00", "2025-03-29T23:00", "2025-03-30T07:00"),  # the night in which the clocks go forward
        ("22:00", "02:30", "2025-03-29T23:00", "2025-03-30T03:30"),  # 02:30 does not exist that night
        ("02:30", "05:00", "2025-03-30T03:31", "2025-03-30T05:00"),
        ("22:00", "07:00", "2025-10-25T23:00", "2025-10-26T07:00"),  # the night in which they go back
        ("22:00", "02:30", "2025-10-25T23:00", "2025-10-26T02:30"),  # the first of two
        ("09:00", "17:00", "2025-06-15T08:59", ""),
        ("09:00", "17:00", "2025-06-15T09:00", "2025-06-15T17:00"),
        ("09:00", "17:00", "2025-06-15T17:00", ""),
    ],
)
def test_quiet_hours_end_when_the_clocks_of_the_zone_say_so(start: str, end: str, now: str, until: str) -> None:
    hours = QuietHours(start=start, end=end, zone="Europe/Berlin")
    expected = int(datetime.fromisoformat(until).replace(tzinfo=BERLIN).timestamp() * 1000) if until else 0
    assert quiet_until(hours, int(datetime.fromisoformat(now).replace(tzinfo=BERLIN).timestamp() * 1000)) == expected


def test_the_second_of_two_ends_is_not_quiet() -> None:
    hours = QuietHours(start="22:00", end="02:30", zone="Europe/Berlin")
    again = datetime(2025, 10, 26, 2, 10, tzinfo=BERLIN, fold=1)
    assert quiet_until(hours, int(again.timestamp() * 1000)) == 0


def test_an_alert_is_said_again_until_the_key_is_healthy() -> None:
    desk = desk_with(policy_of(escalation=Escalation(after_min=30, times=2)))
    run(desk, of_tenant())
    again = wait(desk, 0, 5 * HOUR)
    assert [(d.action, (d.decided_at - at(0)) // 60_000) for d in again] == [("alert", 30), ("alert", 60)]
    assert "Nobody has answered for 30 minutes; said again, 2 of 2." in again[1].reason
    assert run(desk, of_tenant(6 * HOUR)) == []
    desk = desk_with(policy_of(escalation=Escalation(after_min=30, times=2)))
    run(desk, of_tenant(0), of_tenant(5, Level.HEALTHY))
    assert wait(desk, 5, 45) + run(desk, of_tenant(45, Level.HEALTHY)) + wait(desk, 45, DAY, every=10) == []


def test_a_stop_that_a_new_policy_forbids_is_alerted_once() -> None:
    policies = [policy_of()]
    desk = Desk(lambda _: policies[-1])
    run(desk, verdict_of(0))
    wait(desk, 0, 61)
    policies.append(policy_of(version="8", exempt=[Exemption(key="spring")]))
    bad = [verdict_of(minute, delivered=10 * minute, bounced_address=2 * minute) for minute in range(62, 80)]
    assert [(d.action, d.policy_version) for d in run(desk, *bad)] == [("alert", "8")]
