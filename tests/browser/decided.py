"""Decisions in the world of the browser tests: one in each state that there is, with what people said to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from schemas.aggregates import KeyKind, Level, ReputationScore
from schemas.remediation import Action, Decision, Mode, Outcome, OutcomeStatus, Ruling, Verb
from schemas.rulings import State
from tests.browser.mail import NOW, PAUSED_AT

MINUTE = 60_000
Record = Decision | Outcome | Ruling
DONE, WAITING, FAILED = OutcomeStatus.DONE, OutcomeStatus.WAITING, OutcomeStatus.FAILED
APPROVE, REJECT, REVERT = Verb.APPROVE, Verb.REJECT, Verb.REVERT
# state: (action, kind, key, minutes ago, mode, outcomes, words); the reverts are decisions of their own
STORIES: dict[State, tuple[Action, KeyKind, str, float, Mode, tuple[OutcomeStatus, ...], tuple[Verb, ...]]] = {
    State.DONE: (Action.PAUSE_CAMPAIGN, KeyKind.CAMPAIGN, "winter-clearance", 5.4, Mode.ACT, (DONE,), ()),
    State.UNSUPPORTED: (
        Action.THROTTLE, KeyKind.CAMPAIGN, "winter-clearance", 5.5, Mode.ACT, (OutcomeStatus.UNSUPPORTED,), (),
    ),
    State.WAITING: (Action.REST_IP, KeyKind.IP, "198.51.100.24", 4.2, Mode.APPROVE, (WAITING,), ()),
    State.SUGGESTED: (
        Action.MOVE_POOL, KeyKind.CAMPAIGN, "weekend-reading", 64, Mode.SUGGEST, (OutcomeStatus.SUGGESTED,), (),
    ),
    State.DRY_RUN: (
        Action.THROTTLE, KeyKind.DOMAIN, "mail.nord.example", 95, Mode.ACT, (OutcomeStatus.DRY_RUN,), (),
    ),
    State.OPEN: (Action.THROTTLE, KeyKind.IP, "198.51.100.22", 130, Mode.ACT, (), ()),
    State.APPROVED: (Action.REST_IP, KeyKind.IP, "203.0.113.8", 150, Mode.APPROVE, (WAITING,), (APPROVE,)),
    State.REJECTED: (
        Action.THROTTLE, KeyKind.CAMPAIGN, "spring-lookbook", 190, Mode.APPROVE,
        (WAITING, OutcomeStatus.REJECTED), (REJECT,),
    ),
    State.EXPIRED: (
        Action.THROTTLE, KeyKind.CAMPAIGN, "order-updates", 240, Mode.APPROVE, (WAITING, OutcomeStatus.REJECTED), (),
    ),
    State.FAILED: (Action.REST_IP, KeyKind.IP, "198.51.100.21", 300, Mode.ACT, (FAILED,), ()),
    State.REVERTING: (Action.THROTTLE, KeyKind.IP, "198.51.100.23", 330, Mode.ACT, (DONE,), (REVERT,)),
    State.REVERTED: (Action.THROTTLE, KeyKind.DOMAIN, "orders.acme.example", 410, Mode.ACT, (DONE,), (REVERT,)),
    State.REVERT_FAILED: (
        Action.REST_IP, KeyKind.IP, "198.51.100.22", 500, Mode.APPROVE, (WAITING, DONE), (APPROVE, REVERT),
    ),
}  # fmt: skip
NO_USERS = "{bad:,} of the last {all:,} attempts failed because the address does not exist (4% are tolerable). "
REASONS = {
    State.DONE: NO_USERS + "Pause campaign winter-clearance: bounce_cusum 13.4, paused from 12.",
    State.UNSUPPORTED: NO_USERS + "Slow down campaign winter-clearance: bounce_cusum 10.2, throttled from 9.",
    State.WAITING: "Most mail of this address was winter-clearance, and {bad:,} of it failed. Rest it for two hours, "
    "so that the other mail goes through 198.51.100.22.",
}
DETAILS = {DONE: "SendGrid confirmed with 201", OutcomeStatus.UNSUPPORTED: "SendGrid cannot throttle; recorded only",
           FAILED: "SendGrid answered 403: the key may not do this"}  # fmt: skip
BACK = {State.REVERTED: DONE, State.REVERT_FAILED: FAILED}
NORD = ("203.0.113.8", "mail.nord.example")


def made_decisions(evidence: ReputationScore) -> Iterator[Record]:
    """Each story as decisions, outcomes and rulings; `evidence` is what the pause rests on."""
    bad = evidence.penalties[0]
    counted = {"bad": round(bad.numerator), "all": round(bad.denominator)}
    for state, story in STORIES.items():
        action, kind, key, ago, mode, statuses, words = story
        at = PAUSED_AT if state is State.DONE else int(NOW - ago * MINUTE)
        decision = made_decision(
            state, action, kind, key, at, mode=mode, evidence=json.dumps(asdict(evidence)),
            reason=REASONS.get(state, f"The refusals of {key} rose above what is tolerable.").format(**counted),
        )  # fmt: skip
        yield decision
        yield from (outcome(decision, status, 1 + number) for number, status in enumerate(statuses))
        yield from (ruling(decision, verb, number) for number, verb in enumerate(words))
        if state in BACK:
            back = made_decision(f"{state}-back", Action.RETURN_IP, kind, key, at + 9 * MINUTE, reverts=state)
            yield from (back, outcome(back, BACK[state], 1))


def made_decision(name: str, action: Action, kind: KeyKind, key: str, at: int, **more: Any) -> Decision:
    """A decision whose id is its name."""
    plain: dict[str, Any] = {
        "mode": Mode.ACT, "reason": f"{key} is well again.", "evidence": "{}", "level": Level.WATCH, "cause": "bounces",
        "previous_level": Level.HEALTHY, "policy_version": "3", "share": 0.0, "expires_at": at + 120 * MINUTE,
    }  # fmt: skip
    if action is Action.PAUSE_CAMPAIGN:
        plain["level"] = Level.PAUSED
    if action is Action.THROTTLE:
        plain |= {"level": Level.THROTTLED, "share": 0.25}
    return Decision(
        decision_id=str(name), tenant="nord" if key in NORD else "acme", kind=kind, key=key, action=action,
        campaign_id=key if kind is KeyKind.CAMPAIGN else "", sending_ip=key if kind is KeyKind.IP else "",
        first_signal_at=at - 8_000, as_of=at - 900, decided_at=at, **{**plain, **more},
    )  # fmt: skip


def outcome(decision: Decision, status: OutcomeStatus, attempt: int) -> Outcome:
    """What the sender answered, a second after the decision."""
    return Outcome.of(
        decision, outcome_id=f"{decision.decision_id}-{attempt}", source="acme-sendgrid", driver="sendgrid",
        status=status, attempt=attempt, http_status=201 if status is DONE else 0, detail=DETAILS.get(status, ""),
        executed_at=decision.decided_at + 900 * attempt,
    )  # fmt: skip


def ruling(decision: Decision, verb: Verb, number: int) -> Ruling:
    """What Dana said, some minutes later."""
    return Ruling(
        ruling_id=f"{decision.decision_id}-{verb}", tenant=decision.tenant, decision_id=decision.decision_id, verb=verb,
        who="Dana", why="Talked to the people who send it.", ruled_at=decision.decided_at + (3 + number) * MINUTE,
    )  # fmt: skip
