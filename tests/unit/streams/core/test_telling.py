"""A decision in words: complete, from its own record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.remediation import Action, Mode, OutcomeStatus
from streams.core.remediation.announce import Delivery, outcome_of, untold
from streams.core.remediation.telling import digest_of, message_of, title_of, told_id
from tests.unit.connectors.alert_cases import alert_of, outcome, told

ID = "0123456789abcdef0123456789abcdef"


def test_a_message_says_what_since_when_on_which_evidence_what_was_done_and_how_to_answer() -> None:
    decision = told(expires_at=1_795_464_061_000)
    message = message_of(decision, [outcome(decision)], "ops", "https://console.example")
    assert message.title == "Done: pause campaign spring-2026 (acme)"
    assert message.lines == (
        "14 complaints where 5.1 are tolerable. Pause campaign spring-2026",
        "Since 2026-11-22 20:00:15 UTC, evidence up to 2026-11-22 20:01:00 UTC; level paused, before healthy.",
        "complaint_exposure: 14 of 5,120; statistic 1,204, watch from 20, throttle from 100, pause from 1,000.",
        "acme-sendgrid: done; SendGrid confirmed with 201.",
    )
    assert message.commands == (f'mailweir decisions revert {ID} --why "..."',)
    assert message.link == f"https://console.example/#decision={ID}"
    assert message.data["evidence"]["signals"][1]["numerator"] == 14
    assert json.dumps(message.data)
    page = (Path(__file__).parents[4] / "docs/alerts.md").read_text(encoding="utf-8")
    shown = [line.strip() for line in page.partition("```\n\n")[2].splitlines() if line.startswith("    ")]
    assert shown == [message.title, *message.lines, *message.commands], "docs/alerts.md shows this message"


def test_what_waits_for_an_approval_says_until_when_and_how() -> None:
    decision = told(mode=Mode.APPROVE, expires_at=1_795_464_061_000)
    message = message_of(decision, [outcome(decision, OutcomeStatus.WAITING)], "ops")
    assert message.title.startswith("Waits for approval: pause campaign")
    assert message.lines[-1] == (
        "Nothing is done until somebody approves it, until 2026-11-23 20:01:01 UTC at the latest."
    )
    assert message.commands == (
        f'mailweir decisions approve {ID} --why "..."', f'mailweir decisions reject {ID} --why "..."',
    )  # fmt: skip
    assert message.link == ""


@pytest.mark.parametrize(
    ("changes", "status", "title"),
    [
        ({"mode": Mode.SUGGEST}, OutcomeStatus.SUGGESTED, "Suggested: pause campaign spring-2026 (acme)"),
        ({}, OutcomeStatus.FAILED, "Failed: pause campaign spring-2026 (acme)"),
        ({}, OutcomeStatus.UNSUPPORTED, "Not possible: pause campaign spring-2026 (acme)"),
        ({"action": Action.THROTTLE, "share": 0.25}, OutcomeStatus.DONE,
         "Done: slow down campaign spring-2026 (25 % of its usual rate) (acme)"),
        ({"action": Action.RESUME_CAMPAIGN, "share": 0.01}, OutcomeStatus.DONE,
         "Done: resume campaign spring-2026 (1 % of its usual rate) (acme)"),
        ({"action": Action.RESUME_CAMPAIGN}, OutcomeStatus.DONE, "Done: resume campaign spring-2026 (acme)"),
        ({"action": Action.REST_IP, "kind": "ip_provider", "key": "192.0.2.1|gmail"}, OutcomeStatus.DONE,
         "Done: rest IP 192.0.2.1 at gmail (acme)"),
        ({"action": Action.ALERT, "kind": "tenant", "key": "acme"}, OutcomeStatus.UNSUPPORTED, "Look at tenant acme"),
        ({"key": "a|b"}, OutcomeStatus.DONE, "Done: pause campaign a|b (acme)"),
    ],
)  # fmt: skip
def test_the_title_says_state_action_and_key(changes: dict[str, Any], status: OutcomeStatus, title: str) -> None:
    decision = told(**changes)
    assert title_of(decision, [outcome(decision, status)]) == title


def test_of_several_sources_a_failure_is_said_first() -> None:
    decision = told()
    both = [outcome(decision), outcome(decision, OutcomeStatus.FAILED, source="acme-ses", detail="SES answered 500")]
    message = message_of(decision, both, "ops")
    assert message.title.startswith("Failed: ")
    assert message.lines[-2:] == (
        "acme-sendgrid: done; SendGrid confirmed with 201.", "acme-ses: failed; SES answered 500.",
    )  # fmt: skip


@pytest.mark.parametrize("evidence", ["", "{", "[]", '{"signals": 7}', '{"signals": [7, {"level": "paused"}]}'])
def test_evidence_that_cannot_be_read_keeps_nobody_from_being_told(evidence: str) -> None:
    message = message_of(told(evidence=evidence), [], "ops")
    assert message.title == "Begun: pause campaign spring-2026 (acme)"
    assert json.dumps(message.data)


def test_a_digest_counts_all_names_twenty_and_says_how_many_more() -> None:
    many = [(told(decision_id=f"{i:032x}"), [outcome(told(decision_id=f"{i:032x}"))]) for i in range(24)]
    message = digest_of(many, 3, "ops", "https://console.example")
    assert message.title == "27 decisions since the last message"
    assert message.lines[0] == "24 x done."
    assert len(message.lines) == 22
    assert message.lines[1] == f"Done: pause campaign spring-2026 (acme) [{0:032x}]"
    assert message.lines[-1] == "And 7 more."


def test_ids_differ_by_channel_and_stay_the_same() -> None:
    one, two = (message_of(told(), [], name).message_id for name in ("ops", "boss"))
    assert one == told_id(ID, "ops") != two


def test_after_a_crash_only_those_are_told_who_were_not() -> None:
    old, new, waiting = told(decision_id="a" * 32, decided_at=5), told(decision_id="b" * 32), told(decision_id="c" * 32)
    ops, boss = alert_of("slack", name="ops"), alert_of("slack", name="boss")
    done = Delivery(status=OutcomeStatus.DONE, detail="")
    outcomes = [outcome(old), outcome(new), outcome_of(new, ops, done, 7)]
    assert [d.decision_id for d, _ in untold([new, old, waiting], outcomes, [ops, boss], 0)] == ["a" * 32, "b" * 32]
    assert untold([new, old, waiting], outcomes, [ops, boss], 6) == [(new, [outcome(new)])]
    both = [*outcomes, outcome_of(new, boss, done, 7)]
    assert untold([new], both, [ops, boss], 0) == []
