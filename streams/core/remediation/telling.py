"""A decision in words for people: what, since when, on which evidence, what was done, and how to answer.

One message a decision, or a digest of many. All figures come from the decision's own record; nothing is looked up.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from connectors.alerts.base import Message
from schemas.aggregates import RANK, KeyKind, Level
from schemas.identity import digest
from schemas.remediation import Action, Decision, Mode, Outcome, OutcomeStatus

MOST_SIGNALS = 3  # told of one decision
MOST_LISTED = 20  # decisions named in a digest
_NOUNS = {
    KeyKind.IP: "IP", KeyKind.IP_POOL: "IP pool", KeyKind.DOMAIN: "sending domain", KeyKind.CAMPAIGN: "campaign",
    KeyKind.PROVIDER: "mailbox provider", KeyKind.TENANT: "tenant", KeyKind.CAMPAIGN_PROVIDER: "campaign",
    KeyKind.IP_PROVIDER: "IP", KeyKind.DOMAIN_PROVIDER: "sending domain",
}  # fmt: skip
_PAIRS = frozenset({KeyKind.CAMPAIGN_PROVIDER, KeyKind.IP_PROVIDER, KeyKind.DOMAIN_PROVIDER})
_VERBS = {
    Action.PAUSE_CAMPAIGN: "pause {}", Action.RESUME_CAMPAIGN: "resume {}", Action.THROTTLE: "slow down {}",
    Action.REST_IP: "rest {}", Action.RETURN_IP: "bring back {}", Action.MOVE_POOL: "move {} to another pool",
    Action.ALERT: "look at {}",
}  # fmt: skip
_SHARED = frozenset({Action.THROTTLE, Action.RESUME_CAMPAIGN})  # actions that a share belongs to
_STATES = {
    OutcomeStatus.FAILED: "Failed", OutcomeStatus.REJECTED: "Rejected", OutcomeStatus.WAITING: "Waits for approval",
    OutcomeStatus.SUGGESTED: "Suggested", OutcomeStatus.DONE: "Done", OutcomeStatus.UNSUPPORTED: "Not possible",
    OutcomeStatus.DRY_RUN: "Dry run",
}  # fmt: skip  # of several sources the first found here counts
_MODES = {Mode.APPROVE: "Waits for approval", Mode.SUGGEST: "Suggested", Mode.ACT: "Begun"}
_ANSWERS = {
    "Waits for approval": ("approve", "reject"),
    "Done": ("revert",),
    "Begun": ("revert",),
    "Failed": ("show", "revert"),
}


def message_of(decision: Decision, outcomes: Sequence[Outcome], channel: str, console_url: str = "") -> Message:
    """The message for one channel. `outcomes`: what became of the decision so far, of any of its sources."""
    state = state_of(decision, outcomes)
    return Message(
        message_id=told_id(decision.decision_id, channel),
        title=title_of(decision, outcomes),
        lines=tuple(
            line
            for line in (decision.reason, _since(decision), *_evidence(decision), *_done(decision, outcomes))
            if line
        ),
        commands=tuple(_command(verb, decision) for verb in _ANSWERS.get(state, ("show",))),
        link=f"{console_url}/#decision={quote(decision.decision_id)}" if console_url else "",
        data=_fields(decision, outcomes),
    )


def digest_of(
    told: Sequence[tuple[Decision, Sequence[Outcome]]], unlisted: int, channel: str, console_url: str = ""
) -> Message:
    """One message for many decisions; `unlisted` more are not among `told`."""
    total = len(told) + unlisted
    states = Counter(state_of(decision, outcomes) or "to look at" for decision, outcomes in told)
    lines = [", ".join(f"{count} x {state.lower()}" for state, count in sorted(states.items())) + "."]
    lines += [f"{title_of(decision, outcomes)} [{decision.decision_id}]" for decision, outcomes in told[:MOST_LISTED]]
    if total > MOST_LISTED:
        lines.append(f"And {total - min(len(told), MOST_LISTED)} more.")
    ids = [decision.decision_id for decision, _ in told]
    return Message(
        message_id=told_id(digest(*ids), channel),
        title=f"{total} decisions since the last message",
        lines=tuple(lines),
        commands=("mailweir decisions list",),
        link=console_url,
        data={"decision_ids": ids, "unlisted": unlisted},
    )


def told_id(decision_id: str, channel: str) -> str:
    """The id under which one channel is told of one decision: the same for ever."""
    return digest(decision_id, "alert", channel)


def title_of(decision: Decision, outcomes: Sequence[Outcome]) -> str:
    """ "Done: pause campaign spring-2026 at gmail (acme)"."""
    kind = KeyKind(decision.kind)
    is_pair = kind in _PAIRS and "|" in decision.key
    name, _, provider = decision.key.rpartition("|") if is_pair else (decision.key, "", "")
    what = _VERBS[Action(decision.action)].format(f"{_NOUNS[kind]} {name}" + (f" at {provider}" if provider else ""))
    share = f" ({100 * decision.share:g} % of its usual rate)" if _is_part(decision) else ""
    whose = "" if kind == KeyKind.TENANT else f" ({decision.tenant})"
    state = state_of(decision, outcomes)
    return f"{state}: {what}{share}{whose}" if state else f"{what[0].upper()}{what[1:]}{whose}"


def state_of(decision: Decision, outcomes: Sequence[Outcome]) -> str:
    """How far it is, the worst of its sources first; "" for an alert, which nobody carries out."""
    if decision.action == Action.ALERT:
        return ""
    found = {outcome.status for outcome in outcomes}
    worst = next((word for status, word in _STATES.items() if status in found), None)
    return worst or _MODES.get(Mode(decision.mode), "Observed")


def _is_part(decision: Decision) -> bool:
    return decision.action in _SHARED and 0 < decision.share < 1


def _since(decision: Decision) -> str:
    began = f"Since {moment(decision.first_signal_at)}" if decision.first_signal_at else ""
    until = f"evidence up to {moment(decision.as_of)}" if decision.as_of else ""
    said = ", ".join(part for part in (began, until) if part)
    return f"{said[0].upper()}{said[1:]}; level {decision.level}, before {decision.previous_level}." if said else ""


def _evidence(decision: Decision) -> list[str]:
    """A sentence for each of the signals that ask for something, the worst first."""
    try:
        record = json.loads(decision.evidence) if decision.evidence else {}
    except ValueError:
        return []
    given = record.get("signals") if isinstance(record, dict) else None
    listed = given if isinstance(given, list) else []
    signals = [signal for signal in listed if isinstance(signal, dict) and _rank(signal) >= RANK[Level.WATCH]]
    signals.sort(key=lambda signal: (-_rank(signal), str(signal.get("detector"))))
    return [_signal(signal) for signal in signals[:MOST_SIGNALS]]


def _rank(signal: dict[str, Any]) -> int:
    level = signal.get("level")
    return RANK[Level(level)] if level in set(Level) else 0


def _signal(signal: dict[str, Any]) -> str:
    def figure(name: str) -> str:
        value = signal.get(name)
        if not isinstance(value, int | float):
            return "?"
        return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"

    return (
        f"{signal.get('detector')}: {figure('numerator')} of {figure('denominator')}; statistic {figure('statistic')},"
        f" watch from {figure('warn')}, throttle from {figure('throttle')}, pause from {figure('pause')}."
    )


def _done(decision: Decision, outcomes: Sequence[Outcome]) -> list[str]:
    """What was done at each source, or why nothing was."""
    if decision.action == Action.ALERT:
        outcomes = [outcome for outcome in outcomes if outcome.status != OutcomeStatus.UNSUPPORTED]
    back = [f"It takes back the decision {decision.reverts}."] if decision.reverts else []
    said = back + [
        f"{outcome.source or 'No source'}: {outcome.status.replace('_', ' ')}; {outcome.detail}."
        for outcome in outcomes
    ]
    if decision.mode == Mode.APPROVE and state_of(decision, outcomes) == "Waits for approval":
        until = f", until {moment(decision.expires_at)} at the latest" if decision.expires_at else ""
        return [f"Nothing is done until somebody approves it{until}."]
    if decision.mode == Mode.SUGGEST and decision.action != Action.ALERT:
        return ["Nothing was done, since the policy's mode is suggest; do it by hand if you agree."]
    return said


def _command(verb: str, decision: Decision) -> str:
    why = "" if verb == "show" else ' --why "..."'
    return f"mailweir decisions {verb} {decision.decision_id}{why}"


def _fields(decision: Decision, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The decision's record with its evidence as an object, and its outcomes."""
    try:
        evidence = json.loads(decision.evidence) if decision.evidence else None
    except ValueError:
        evidence = decision.evidence
    told = [{"source": o.source, "driver": o.driver, "status": o.status, "detail": o.detail} for o in outcomes]
    return {**asdict(decision), "evidence": evidence, "outcomes": told}


def moment(at_ms: int) -> str:
    """Milliseconds since the epoch as a person reads them."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
