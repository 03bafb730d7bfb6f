"""A tenant's policy as far as its senders' APIs can follow it.

Few APIs can let a share of a campaign through. Where one that resumes campaigns cannot, the trial of that tenant's
campaigns is with all of their mail: coming back whole and being judged is better than never coming back. A probation
pool is for senders that can move a campaign's mail to other addresses and cannot slow it down; slowing down is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connectors.control import Driver, driver_named
from schemas.config import Config
from schemas.policy import Policy
from schemas.remediation import Action


def policies(config: Config) -> Callable[[str], Policy]:
    """The policy of each tenant; the same for the same name. Raises Misconfigured for a driver nobody knows."""
    drivers: dict[str, list[Driver]] = {}
    for source in config.sources:
        drivers.setdefault(source.tenant, []).append(driver_named(source.control.driver))
    found: dict[str, Policy] = {}

    def policy_of(tenant: str) -> Policy:
        if tenant not in found:
            policy, there = config.policy(tenant), drivers.get(tenant, [])
            changes: dict[str, Any] = {}
            if any(map(_resumes_whole, there)):
                changes["recovery"] = policy.recovery.model_copy(update={"canary_share": 1.0})
            if policy.probation_pool and not moves_campaigns(there):
                changes["probation_pool"] = ""
            found[tenant] = policy.model_copy(update=changes) if changes else policy
        return found[tenant]

    return policy_of


def moves_campaigns(drivers: Iterable[Driver]) -> bool:
    """Can one of them move a campaign to another pool, and none slow one down?"""
    known = list(drivers)
    can_move = any(Action.MOVE_POOL in driver.supports for driver in known)
    return can_move and not any(Action.THROTTLE in driver.shares for driver in known)


def _resumes_whole(driver: Driver) -> bool:
    return Action.RESUME_CAMPAIGN in driver.supports and Action.RESUME_CAMPAIGN not in driver.shares
