"""Hits of spam traps, as SNDS reports them: told to people once, as the policy allows, and never a stop."""

from __future__ import annotations

import json

import pytest

from schemas.aggregates import KeyKind
from schemas.policy import Policy, QuietHours
from schemas.remediation import Action, Decision, Mode
from schemas.reports import StandingReport
from streams.core.remediation.desk import Desk
from streams.core.remediation.state import StateKey
from streams.core.remediation.telling import message_of
from streams.core.remediation.traps import TRAPS
from tests.unit.streams.core.remediation_cases import (
    ACT,
    DAY,
    HOUR,
    IP,
    at,
    desk_with,
    hits,
    run,
    said,
    verdict_of,
    wait,
)


def after(policy: Policy = ACT, minute: float = 0.0) -> Desk:
    """A desk that has seen this minute."""
    desk = desk_with(policy)
    assert wait(desk, minute - 1, minute) == []
    return desk


def test_hits_of_spam_traps_become_one_alert_that_names_what_to_do() -> None:
    desk = after()
    [decision] = desk.report(hits())
    assert said([decision]) == [("alert", 1.0, "healthy")]
    assert (decision.cause, decision.kind, decision.key, decision.sources) == ("trap", "ip", IP, ["outlook"])
    assert decision.reason == (
        f"3 messages of {IP} went to spam traps on 2025-06-14, says SNDS. Look at address {IP}: find the campaigns that"
        " mail addresses nobody signed up with."
    )
    assert json.loads(decision.evidence)["hits"]["messages"] == 3
    assert desk.report(hits()) == desk.report(hits(5)) == [], "the same day, asked for again"
    assert wait(desk, 0, 10 * DAY, every=HOUR) == []
    message = message_of(decision, (), "slack")
    assert message.title == f"Look at IP {IP} (acme)"
    assert message.lines[0] == decision.reason


def test_a_hit_address_is_not_stopped_and_explains_nothing() -> None:
    desk = after()
    desk.report(hits(100_000))
    assert desk.state("acme", "ip", IP).phase == "healthy"
    [rested] = run(desk, verdict_of(1, kind=KeyKind.IP, key=IP, detector="block_cusum"))
    assert (rested.action, rested.cause) == (Action.REST_IP, "blocks")


@pytest.mark.parametrize(
    "report",
    [
        hits(0), hits(day=-8 * DAY), hits(metric="complaint_rate"), hits(provider="postmaster"), hits(sending_ip=""),
    ],
)  # fmt: skip
def test_what_tells_of_no_new_hits_says_nothing(report: StandingReport) -> None:
    desk = after()
    assert desk.report(report) == []
    assert wait(desk, 0, DAY, every=HOUR) == []


def test_of_several_days_one_is_told_a_day_and_the_newest_of_them() -> None:
    desk = after()
    [first] = desk.report(hits(1, day=-4 * DAY))
    assert [desk.report(hits(2, day=day * DAY)) for day in (-3, -1, -2)] == [[], [], []]
    [second] = wait(desk, 0, 3 * DAY, every=HOUR)
    assert (second.first_signal_at, second.decided_at) == (at(-DAY), at(DAY))
    assert first.decision_id != second.decision_id
    [other] = desk.report(hits(1, sending_ip="192.0.2.9"))
    assert other.key == "192.0.2.9"


@pytest.mark.parametrize("mode", list(Mode))
def test_the_mode_of_the_policy_is_that_of_an_alert(mode: Mode) -> None:
    [decision] = after(Policy(mode=mode)).report(hits())
    assert decision.mode == (Mode.ACT if mode == Mode.APPROVE else mode)


def test_a_policy_without_alerts_is_obeyed() -> None:
    desk = after(Policy(mode=Mode.ACT, actions=[Action.PAUSE_CAMPAIGN]))
    assert desk.report(hits()) == []
    assert wait(desk, 0, 2 * DAY, every=HOUR) == []


def test_quiet_hours_make_it_wait_through_any_restart() -> None:
    policy = Policy(mode=Mode.ACT, quiet_hours=QuietHours(start="14:00", end="18:00", zone="UTC"))
    desk, states = after(policy), dict[StateKey, str]()
    assert desk.report(hits()) == []
    decided: list[Decision] = []
    for minute in range(20, 400, 20):
        states.update(desk.changed())
        desk = desk_with(policy)
        desk.restore(states.items())
        decided += desk.pass_time(at(minute))
    assert [decision.decided_at for decision in decided] == [at(3 * HOUR)]


def test_what_is_known_of_an_address_is_forgotten_after_a_month() -> None:
    desk = after()
    desk.report(hits())
    assert ("acme", TRAPS, IP) in dict(desk.changed())
    wait(desk, 0, 31 * DAY, every=HOUR)
    assert dict(desk.changed())["acme", TRAPS, IP] == ""
