"""What would have to happen for somebody to enter a segment, or to leave it: which leaves would have to change."""

from __future__ import annotations

from schemas.segments.rules import AllNode, BucketNode, NotNode
from streams.core.segments.why import Reason

Need = Reason | tuple[bool, list["Need"]]
"""A leaf that must change, from true to false or the other way; or several needs: all of them (true), or one."""


def needed(reason: Reason) -> Need:
    """What must change for the node to change: of a group those below it that are as the group must not be.

    Where one of several is enough, those that never change are left out.
    """
    if not reason.below:
        return reason
    if isinstance(reason.rule, NotNode) or len(reason.below) == 1:
        return needed(reason.below[0])
    is_every = isinstance(reason.rule, AllNode) != reason.holds
    against: list[Need] = []
    for need in (needed(below) for below in reason.below if below.holds == reason.holds):
        against += need[1] if not isinstance(need, Reason) and need[0] == is_every else [need]
    left = against if is_every else [need for need in against if not is_fixed(need)] or against[:1]
    return left[0] if len(left) == 1 else (is_every, left)


def is_fixed(need: Need) -> bool:
    """Nothing ever changes it: a bucket, or all of several with one."""
    if isinstance(need, Reason):
        return isinstance(need.rule, BucketNode)
    return need[0] and any(map(is_fixed, need[1]))
