"""What is odd about the policies of a configuration that can be loaded: one sentence each, with its place.

An error is what can never work as written: a rule that is never used, a tenant that does not exist. A warning is what
works, but is hardly meant: an action that no driver can carry out, nobody who hears of it. `policy_rules.py` looks at
rules and exemptions, this module at the rest.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator

from connectors.control import driver_named
from schemas.aggregates import KeyKind
from schemas.config import Config
from schemas.policy import DAY_MIN, EVERYONE
from schemas.remediation import Action, Mode
from streams.core.remediation.actions import STOPPING
from streams.core.remediation.policy_reach import BACK, Scope, drivers_for, scopes, supported
from streams.core.remediation.policy_rules import Finding, error, exemptions, rules, warning
from streams.core.remediation.possible import moves_campaigns

MIN_AWAKE_MIN = 60  # quiet hours that leave less of a day leave no time for what waits


def findings(config: Config) -> list[Finding]:
    """Everything that is odd, in the order of the file."""
    found = [finding for scope in scopes(config) for check in CHECKS for finding in check(scope)]
    return found + list(_alerts(config))


def _tenant(scope: Scope) -> Iterator[Finding]:
    if scope.policy.tenant != EVERYONE and not scope.tenants:
        yield error(f"{scope.place}.tenant", _no_tenant(scope.config, scope.policy.tenant))


def _no_tenant(config: Config, name: str) -> str:
    known = [tenant.name for tenant in config.tenants]
    near = difflib.get_close_matches(name, known, n=1)
    return f"no tenant is named {name!r}; " + (f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}")


def _actions(scope: Scope) -> Iterator[Finding]:
    actions, place = scope.policy.actions, f"{scope.place}.actions"
    if not actions:
        yield error(place, "nothing may be done, not even `alert`, so nobody is ever told; name some, or leave it out")
        return
    if Action.ALERT not in actions:
        yield warning(place, "without `alert` nobody hears of what a limit or this list holds back; add it")
    for begun, back in BACK.items():
        if begun in actions and back not in actions and any(action == begun for action, _ in scope.done):
            yield warning(place, f"{begun} without {back}: what is stopped stays so until a person ends it by hand")


def _unsupported(scope: Scope) -> Iterator[Finding]:
    """Actions that are to be done and that no control can; said where the mode stands."""
    if not scope.tenants or not scope.done:
        return
    can, names = supported(scope.config, scope.tenants), " or ".join(scope.tenants)
    if not can:
        yield warning(
            f"{scope.place}.mode",
            f"something is to be done, but no source of {names} has a `control`, so nothing can be; give it one",
        )
        return
    lacking: dict[str, list[Action]] = {}
    for action, kind in sorted(scope.done, key=lambda pair: list(Action).index(pair[0])):
        listed = lacking.setdefault(_mode_place(scope, action, kind), [])
        if action not in can and action not in BACK.values() and action not in listed:
            listed.append(action)
    for place, actions in lacking.items():
        ways = [f"{action} (drivers that can: {', '.join(drivers_for(action)) or 'none'})" for action in actions]
        if ways:
            yield warning(place, f"no source of {names} can do this, so it ends as `unsupported`: {'; '.join(ways)}")


def _mode_place(scope: Scope, action: Action, kind: KeyKind) -> str:
    found = next((i for i, rule in enumerate(scope.policy.rules) if rule.matches(action, kind)), None)
    return f"{scope.place}.mode" if found is None else f"{scope.place}.rules[{found}].mode"


def _limits(scope: Scope) -> Iterator[Finding]:
    policy = scope.policy
    if policy.max_pauses_per_hour == 0 and scope.is_stopping:
        stops = " and ".join(sorted(STOPPING & {action for action, _ in scope.done}))
        yield error(
            f"{scope.place}.max_pauses_per_hour",
            f"at 0 nothing is ever stopped, yet {stops} may be done; allow some, or take them out of `actions`",
        )
    if policy.quiet_hours and DAY_MIN - policy.quiet_hours.length_min < MIN_AWAKE_MIN:
        left = DAY_MIN - policy.quiet_hours.length_min
        yield error(
            f"{scope.place}.quiet_hours",
            f"they leave {left} min of a day, so alerts and resumes hardly ever go out; leave at least {MIN_AWAKE_MIN}",
        )


def _recovery(scope: Scope) -> Iterator[Finding]:
    recovery, place = scope.policy.recovery, f"{scope.place}.recovery"
    given = sorted(recovery.model_fields_set - {"is_automatic"})
    if not recovery.is_automatic and given:
        yield warning(f"{place}.{given[0]}", "says nothing while `is_automatic` is false; take it away")
    if recovery.is_automatic and recovery.canary_share == 1:
        yield warning(f"{place}.canary_share", "at 1 all the mail comes back at once, with no trial; 0.01 is usual")


def _pool(scope: Scope) -> Iterator[Finding]:
    """A probation pool that nobody can use, or that there is no way back from."""
    place, names = f"{scope.place}.probation_pool", " or ".join(scope.tenants)
    if not scope.policy.probation_pool or not scope.tenants:
        return
    sources = [source for source in scope.config.sources if source.tenant in scope.tenants]
    if not moves_campaigns(driver_named(source.control.driver) for source in sources):
        can = ", ".join(name for name in drivers_for(Action.MOVE_POOL) if name not in drivers_for(Action.THROTTLE))
        yield warning(place, f"it says nothing: no source of {names} moves campaigns and cannot slow them down ({can})")
    for source in sources:
        driver = driver_named(source.control.driver)
        if Action.MOVE_POOL in driver.supports and Action.THROTTLE not in driver.shares and not source.control.ip_pool:
            way = "so nothing says where mail goes back to; name its usual pool there"
            yield error(place, f"the control of source `{source.name}` has no `ip_pool`, {way}")


def _approvals(scope: Scope) -> Iterator[Finding]:
    policy = scope.policy
    waits = any(policy.mode_of(*pair) == Mode.APPROVE for pair in scope.done)
    if waits and scope.tenants and not _is_told(scope):
        yield warning(f"{scope.place}.mode", "decisions wait for an approval, but no channel of `alerts` tells anybody")
    if not waits and "approval_min" in policy.model_fields_set:
        yield warning(
            f"{scope.place}.approval_min", "nothing is in the mode `approve`, so there is nothing to wait for"
        )
    if policy.escalation is None:
        return
    if Action.ALERT not in policy.actions:
        yield error(f"{scope.place}.escalation", "repeats alerts, which `actions` does not allow; add `alert` there")
    elif waits and policy.escalation.after_min >= policy.approval_min:
        yield error(
            f"{scope.place}.escalation.after_min",
            f"the first reminder comes after {policy.escalation.after_min} min, when an approval is too late already"
            f" (`approval_min`: {policy.approval_min})",
        )


def _is_told(scope: Scope) -> bool:
    return any(alert.tenant in {EVERYONE, *scope.tenants} for alert in scope.config.alerts)


def _alerts(config: Config) -> Iterator[Finding]:
    known = {tenant.name for tenant in config.tenants}
    for index, alert in enumerate(config.alerts):
        if alert.tenant != EVERYONE and alert.tenant not in known:
            yield error(f"alerts[{index}].tenant", _no_tenant(config, alert.tenant))


CHECKS: tuple[Callable[[Scope], Iterator[Finding]], ...] = (
    _tenant, _actions, rules, exemptions, _unsupported, _limits, _recovery, _pool, _approvals,
)  # fmt: skip
