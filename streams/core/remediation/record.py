"""The decision as a record that explains itself: ids, sentence, and all the numbers it was made from.

`evidence` is the verdict as JSON, with beside it: `intervals` (90 %, of each signal's rate), `machine` (phase and share
before and after, episode, stops of the week), `policy` (version and the numbers that applied), `resumes` (what would
end it), and on trial `recovery`: the mail since the resume and since the step began, and both tests with their limits.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

from schemas.aggregates import KeyKind, Level
from schemas.identity import digest
from schemas.policy import Policy
from schemas.remediation import Action, Cause, Decision
from schemas.verdicts import Verdict
from streams.core.remediation.actions import STOPPING, parts_of
from streams.core.remediation.causes import (
    CAUSE_OF,
    ENOUGH,
    LEAST_ADVERSE,
    PAUSE,
    QUESTIONS,
    WARN,
    strongest,
)  # fmt: skip
from streams.core.remediation.permission import Permit
from streams.core.remediation.state import Act, KeyState, StateKey, canonical
from streams.core.remediation.tally import Tally
from streams.core.remediation.trial import Answer, Trial
from streams.core.remediation.words import interval, reason, way_out


class Made(NamedTuple):
    """How a decision came about: the states before it and once it is in force, its number in the episode, the act."""

    before: KeyState
    after: KeyState
    number: int
    act: Act
    permit: Permit
    why: str
    now: int


def decision_of(verdict: Verdict, place: StateKey, made: Made, policy: Policy, expires_at: int) -> Decision:
    """The record. Its id hashes tenant, kind, key, action, level, episode and number: the same log, the same id."""
    tenant, kind, key = place
    before, act = made.before, made.act
    name, provider = parts_of(KeyKind(kind), key)
    return Decision(
        decision_id=digest(tenant, kind, key, act.action, verdict.level, before.episode, made.number),
        tenant=tenant,
        kind=kind,
        key=key,
        action=act.action,
        mode=made.permit.mode,
        level=verdict.level,
        previous_level=before.phase,
        reason=reason(verdict, act, made.why) + made.permit.note + _person(made),
        evidence=canonical(_evidence(verdict, made, policy)),
        policy_version=policy.version,
        campaign_id=name if kind in {KeyKind.CAMPAIGN, KeyKind.CAMPAIGN_PROVIDER} else "",
        sending_ip=name if kind in {KeyKind.IP, KeyKind.IP_PROVIDER} else "",
        mailbox_provider=provider,
        ip_pool=policy.probation_pool if _is_moved_away(act) else name if kind == KeyKind.IP_POOL else "",
        sources=list(verdict.sources),
        as_of=verdict.event_at,
        first_signal_at=before.episode,
        decided_at=made.now,
        share=before.share if act.action == Action.ALERT else act.share,
        cause=_cause(verdict, before),
        state=made.after.phase,
        expires_at=expires_at,
    )


def _person(made: Made) -> str:
    """That nothing but a person ends this stop, and what the person has to do."""
    return f" Only a person resumes it: {made.after.held}." if made.act.action in STOPPING and made.after.held else ""


def _is_moved_away(act: Act) -> bool:
    """Into the probation pool; on the way back the pool is the control's own."""
    return act.action == Action.MOVE_POOL and act.phase == Level.THROTTLED


def _cause(verdict: Verdict, before: KeyState) -> str:
    """The cause of the stop, or what the strongest signal shows."""
    if before.causes:
        return before.causes[0]
    signal = strongest(verdict)
    return str(CAUSE_OF.get(signal.detector, signal.detector)) if signal else ""


def _evidence(verdict: Verdict, made: Made, policy: Policy) -> dict[str, Any]:
    before, after, act = made.before, made.after, made.act
    found = asdict(verdict) | {
        "intervals": {s.detector: interval(s.numerator, s.denominator) for s in verdict.signals},
        "machine": {
            "episode": before.episode, "number": made.number, "phase": before.phase, "share": before.share,
            "phase_after": after.phase, "share_after": after.share,
            "stops": list(after.stops), "causes": list(after.causes), "held": after.held,
        },
        "policy": {"version": policy.version, "mode": made.permit.mode, "recovery": policy.recovery.model_dump()},
        "resumes": way_out(act, KeyKind(verdict.kind), policy, after.held),
    }  # fmt: skip
    return found | ({"recovery": _recovery(before.trial, policy)} if before.trial else {})


def _recovery(trial: Trial, policy: Policy) -> dict[str, Any]:
    return {
        "causes": list(trial.causes),
        "canary_messages": policy.recovery.canary_messages,
        "is_accepted": trial.is_accepted,
        "since_resume": _counts(trial.seen.since(trial.base)),
        "since_step": _counts(trial.seen.since(trial.step)),
        "tests": [_test(answer) for answer in trial.answers],
        "limits": {
            "accept_at": round(ENOUGH, 6), "refuse_at": round(-ENOUGH, 6), "warn_at": WARN, "stop_at": PAUSE,
            "least_adverse": LEAST_ADVERSE,
        },
    }  # fmt: skip


def _counts(found: Tally) -> dict[str, float]:
    return {name: round(value, 3) for name, value in found._asdict().items() if name != "began_at"}


def _test(answer: Answer) -> dict[str, Any]:
    question = QUESTIONS[Cause(answer.cause)]
    return asdict(answer) | {
        "tolerable": question.null,
        "cured_at": question.good,
        "bad_at": question.alternative,
        "interval": interval(min(answer.adverse, answer.counted), answer.counted),
    }
