"""What a policy is about: which actions can come up for which kind of key, whom it is for, and who can act.

The table of `actions.py` says what is begun; what is begun is also taken back, and everything can become an alert.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from connectors.control import DRIVERS, driver_named
from schemas.aggregates import KeyKind
from schemas.config import Config
from schemas.policy import EVERYONE, Policy, Rule
from schemas.remediation import Action, Mode
from streams.core.remediation.actions import ACTIONS, STOPPING

BACK = {Action.PAUSE_CAMPAIGN: Action.RESUME_CAMPAIGN, Action.REST_IP: Action.RETURN_IP}
REAL = frozenset({Mode.ACT, Mode.APPROVE})  # modes in which something is done, sooner or later
NO_CONTROL = "none"
Pair = tuple[Action, KeyKind]


@functools.cache
def possible(*, has_pool: bool = False) -> frozenset[Pair]:
    """Every action that can be decided about a kind of key. `has_pool`: the policy names a probation pool."""
    begun = {(action, kind) for kind, levels in ACTIONS.items() for action in levels.values()}
    if has_pool:
        begun.add((Action.MOVE_POOL, KeyKind.CAMPAIGN))
    back = {(BACK[action], kind) for action, kind in begun if action in BACK}
    return frozenset(begun | back | {(Action.ALERT, kind) for kind in ACTIONS})


def pairs_of(rule: Rule) -> frozenset[Pair]:
    """Every pair that the rule names, possible or not."""
    return frozenset((a, k) for a in rule.actions or list(Action) for k in rule.kinds or list(KeyKind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One policy of a configuration and the tenants it holds for."""

    config: Config
    index: int
    policy: Policy
    tenants: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where the policy stands in the file."""
        return f"policies[{self.index}]"

    @property
    def possible(self) -> frozenset[Pair]:
        """What can be decided under this policy."""
        return possible(has_pool=bool(self.policy.probation_pool))

    @property
    def permitted(self) -> frozenset[Pair]:
        """The possible pairs whose action the policy allows."""
        return frozenset(pair for pair in self.possible if pair[0] in self.policy.actions)

    @property
    def done(self) -> frozenset[Pair]:
        """The permitted pairs, alerts aside, that are done, if only after an approval."""
        return frozenset(
            pair for pair in self.permitted if pair[0] != Action.ALERT and self.policy.mode_of(*pair) in REAL
        )

    @property
    def is_stopping(self) -> bool:
        """Can anything be stopped under it?"""
        return any(action in STOPPING for action, _ in self.done)


def scopes(config: Config) -> list[Scope]:
    """Every policy with the tenants of the file that it holds for."""
    names = [tenant.name for tenant in config.tenants]
    own = {policy.tenant for policy in config.policies}
    rest = tuple(name for name in names if name not in own)
    return [
        Scope(
            config=config,
            index=index,
            policy=policy,
            tenants=rest if policy.tenant == EVERYONE else tuple(name for name in names if name == policy.tenant),
        )
        for index, policy in enumerate(config.policies)
    ]


def supported(config: Config, tenants: Iterable[str]) -> frozenset[Action]:
    """What the controls of these tenants' sources can do; a dry run is no control."""
    found: set[Action] = set()
    wanted = set(tenants)
    for source in config.sources:
        if source.tenant in wanted and source.control.driver != NO_CONTROL:
            found |= driver_named(source.control.driver).supports
    return frozenset(found)


def drivers_for(action: Action) -> list[str]:
    """The names of the drivers that can do it."""
    return [driver.name for driver in DRIVERS if action in driver.supports and driver.name != NO_CONTROL]
