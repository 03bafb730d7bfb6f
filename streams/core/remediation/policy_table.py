"""What a policy comes to: for each kind of key and level the action, how far it goes, and which line says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.aggregates import KeyKind, Level
from schemas.config import Config
from schemas.policy import EVERYONE, Policy
from schemas.remediation import Action
from streams.core.remediation.actions import ACTIONS
from streams.core.remediation.policy_reach import BACK

NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row. `action`: an Action or "nothing"; `mode`: "" for nothing; `why`: the place of the answer."""

    kind: KeyKind
    level: Level
    action: str
    mode: str
    why: str


def lines(policy: Policy) -> Iterator[Line]:
    """The whole table, kind by kind, rising; the level "recovering" is the way back from a stop."""
    for kind, levels in ACTIONS.items():
        for level, action in levels.items():
            yield _line(policy, kind, level, action)
        for begun in levels.values():
            if begun in BACK:
                yield _line(policy, kind, Level.RECOVERING, BACK[begun])


def _line(policy: Policy, kind: KeyKind, level: Level, wanted: Action) -> Line:
    action, note = wanted, ""
    if wanted not in policy.actions:
        action, note = Action.ALERT, f"; {wanted} is not in `actions`"
    if action not in policy.actions:
        return Line(kind=kind, level=level, action=NOTHING, mode="", why=f"{wanted} is not in `actions`, nor is alert")
    return Line(
        kind=kind, level=level, action=action, mode=policy.mode_of(action, kind), why=_why(policy, action, kind) + note
    )


def _why(policy: Policy, action: Action, kind: KeyKind) -> str:
    """The rule that answers, or the policy's own mode."""
    found = next((i for i, rule in enumerate(policy.rules) if rule.matches(action, kind)), None)
    return "mode" if found is None else f"rules[{found}]"


def place_of(config: Config, tenant: str) -> str:
    """Where the tenant's policy stands: its own, the one for all, or the built-in default."""
    places = {policy.tenant: f"policies[{index}]" for index, policy in enumerate(config.policies)}
    return places.get(tenant) or places.get(EVERYONE) or "the default, as the file has none"


def bounds(policy: Policy) -> Iterator[tuple[str, str]]:
    """What holds beside the table: (name, sentence)."""
    share = f"{100 * policy.max_paused_share:g} %"
    yield "limits", f"at most {policy.max_pauses_per_hour} stops an hour, {share} of a day's mail stopped at once"
    for item in policy.exempt:
        yield "exempt", f"{item.kind} {item.key}: alert only"
    if quiet := policy.quiet_hours:
        yield "quiet hours", f"{quiet.start} to {quiet.end} {quiet.zone}: only stops go out, the rest waits"
    yield "recovery", _recovery(policy)
    yield "approvals", f"too late after {policy.approval_min} min"
    if escalation := policy.escalation:
        yield "escalation", f"alerts again every {escalation.after_min} min, {escalation.times} times at most"


def _recovery(policy: Policy) -> str:
    recovery = policy.recovery
    if not recovery.is_automatic:
        return "only a person resumes"
    share = f"{100 * recovery.canary_share:g} % (at least {recovery.canary_messages})"
    steps = f"x {recovery.ramp_factor:g} every {recovery.step_min} min"
    return f"after {recovery.cool_down_min} min {share}, then {steps}"
