"""May it be done, and how far? What the policy and the limits leave of a wish, and the sentence that says why.

First answer wins: an exempt key and an action that is not allowed only alert; a stop over a limit only alerts; then the
rules give the mode, and quiet hours make everything wait that is neither a stop nor an alert in place of one.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.aggregates import KeyKind
from schemas.policy import Policy
from schemas.remediation import Action, Mode
from streams.core.remediation.actions import STOPPING
from streams.core.remediation.quiet_hours import quiet_until
from streams.core.remediation.state import Act, StateKey


class Context(NamedTuple):
    """What other keys say. `is_explained`: a narrower key is the cause; `stops_last_hour`: of this tenant;
    `share_still`: of the tenant's mail that would stand still once this key does (None: not known)."""

    is_explained: bool = False
    stops_last_hour: int = 0
    share_still: float | None = None


ALONE = Context()


class Wish(NamedTuple):
    """What the machine would do now. `why`: for a person; `is_next_step`: of what was already permitted."""

    act: Act
    why: str = ""
    is_next_step: bool = False


class Permit(NamedTuple):
    """What may be done now (None: nothing), how far, and why it is not what was wished for; `waits_until`: then."""

    act: Act | None
    mode: Mode = Mode.OBSERVE
    note: str = ""
    waits_until: int = 0


def permit(wish: Wish, place: StateKey, policy: Policy, context: Context, now: int) -> Permit:
    """The answer for `wish` about `place` at `now`."""
    kind, act = KeyKind(place[1]), wish.act
    note = _objection(wish, place, policy, context)
    if note:
        act = act._replace(action=Action.ALERT)
    if act.action not in policy.actions:
        return Permit(None)
    is_urgent = wish.act.action in STOPPING
    waits_until = 0 if is_urgent else quiet_until(policy.quiet_hours, now)
    mode = policy.mode_of(Action(act.action), kind)
    if mode == Mode.APPROVE and (wish.is_next_step or act.action == Action.ALERT):
        mode = Mode.ACT
    return Permit(act, mode, note, waits_until)


def _objection(wish: Wish, place: StateKey, policy: Policy, context: Context) -> str:
    """Why it is only said and not done; "" if it may be done."""
    action = wish.act.action
    if action == Action.ALERT:
        return ""
    if policy.is_exempt(KeyKind(place[1]), place[2]):
        return f" It is only reported, because the policy exempts it from {_said(action)}."
    if action not in policy.actions:
        return f" The policy does not allow {action}."
    return "" if action not in STOPPING or wish.is_next_step else _over_limit(policy, context)


def _over_limit(policy: Policy, context: Context) -> str:
    """Which limit leaves no room for another stop; "" if none does."""
    if context.stops_last_hour >= policy.max_pauses_per_hour:
        return (
            f" It is not stopped, because {context.stops_last_hour} were stopped in the last hour and the policy"
            f" allows {policy.max_pauses_per_hour}; a person should look."
        )
    if context.share_still is not None and context.share_still > policy.max_paused_share:
        return (
            f" It is not stopped, because {context.share_still:.0%} of the tenant's mail would stand still and the"
            f" policy allows {policy.max_paused_share:.0%}; a person should look."
        )
    return ""


def _said(action: str) -> str:
    return action.replace("_", " ")
