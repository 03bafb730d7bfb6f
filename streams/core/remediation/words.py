"""The sentences of a decision: what was seen, what is done about it, what would end it."""

from __future__ import annotations

from schemas.aggregates import KeyKind, Level
from schemas.policy import Policy
from schemas.remediation import Action
from schemas.verdicts import Verdict
from streams.core.remediation.actions import STOPPING, WITH_SHARES, parts_of
from streams.core.remediation.causes import strongest
from streams.core.remediation.state import Act
from streams.core.reputation.beta import quantile

_VERBS = {
    Action.PAUSE_CAMPAIGN: "Pause", Action.RESUME_CAMPAIGN: "Resume", Action.THROTTLE: "Slow down",
    Action.REST_IP: "Rest", Action.RETURN_IP: "Use again", Action.MOVE_POOL: "Move", Action.ALERT: "Look at",
}  # fmt: skip
_NOUNS = {
    KeyKind.CAMPAIGN: "campaign", KeyKind.IP: "address", KeyKind.IP_POOL: "address pool",
    KeyKind.DOMAIN: "sending domain", KeyKind.PROVIDER: "mailbox provider", KeyKind.TENANT: "tenant",
    KeyKind.CAMPAIGN_PROVIDER: "campaign", KeyKind.IP_PROVIDER: "address", KeyKind.DOMAIN_PROVIDER: "sending domain",
}  # fmt: skip


def name_of(kind: KeyKind, key: str) -> str:
    """A key as a person calls it: "campaign spring at gmail"."""
    name, provider = parts_of(kind, key)
    return f"{_NOUNS[kind]} {name}" + (f" at {provider}" if provider and kind != KeyKind.PROVIDER else "")


def reason(verdict: Verdict, act: Act, why: str) -> str:
    """What was seen or happened, and what is done."""
    order = f"{_VERBS[Action(act.action)]} {name_of(KeyKind(verdict.kind), verdict.key)}{_how_far(act)}"
    if why:
        return f"{why} {order}."
    return f"{_seen(verdict)}{order}{_measured(verdict)}."


def interval(adverse: float, counted: float) -> tuple[float, float]:
    """The 5 % and the 95 % quantile of a rate after `adverse` of `counted`: Beta posterior, Jeffreys' prior."""
    if counted <= 0.0:
        return 0.0, 1.0
    a, b = adverse + 0.5, max(counted - adverse, 0.0) + 0.5
    return round(quantile(0.05, a, b), 6), round(quantile(0.95, a, b), 6)


def way_out(act: Act, kind: KeyKind, policy: Policy, person: str) -> str:
    """What would end what is in force after `act`."""
    recovery = policy.recovery
    if act.action in STOPPING and (person or not recovery.is_automatic):
        return "a person: revert this decision" + (
            f"; {person}" if person else "; the policy resumes nothing by itself"
        )
    if act.action in STOPPING:
        share = f"{recovery.canary_share:.2%} of its mail" if kind in WITH_SHARES else "the address"
        return (
            f"after {recovery.cool_down_min} minutes {share} is let out: it stays if"
            f" at least {recovery.canary_messages} new messages speak for it (ln 20) and stops if they speak against it"
        )
    if act.action == Action.THROTTLE and act.share < 1:
        return f"a tenth more after each clean step of {recovery.step_min} minutes; half as much after a bad one"
    if act.action == Action.MOVE_POOL and act.phase == Level.THROTTLED:
        return "an hour without a signal moves it back; worse signals stop it"
    if act.phase == Level.RECOVERING:
        return (
            f"{recovery.ramp_factor:g} times as much after each clean step of {recovery.step_min} minutes"
            if act.share < 1
            else "nothing is held back; new mail is watched until an hour is quiet"
        )
    return "an hour without a signal ends the episode"


def _how_far(act: Act) -> str:
    if act.action == Action.THROTTLE and act.share == 1.0:
        return " no longer: all of its mail goes out"
    if act.action == Action.MOVE_POOL:
        return " into the probation pool" if act.phase == Level.THROTTLED else " back to its own pool"
    if act.action in {Action.THROTTLE, Action.RESUME_CAMPAIGN}:
        return f" with {act.share:.4g} of its usual rate"
    return ""


def _seen(verdict: Verdict) -> str:
    signal = strongest(verdict)
    return f"{signal.explanation}. " if signal else ""


def _measured(verdict: Verdict) -> str:
    signal = strongest(verdict)
    if signal is None:
        return ""
    low, high = interval(signal.numerator, signal.denominator)
    limit = signal.pause if verdict.level == Level.PAUSED else signal.throttle
    return (
        f": {signal.detector} {signal.statistic:.4g}, {verdict.level} from {limit:.4g}; with 90 % certainty the rate is"
        f" {low:.2%} to {high:.2%}"
    )
