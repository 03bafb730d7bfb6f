"""Decisions of a back-test beside those that were really made: the same, only here, only there. Pure.

A decision is the same if it has the same id. With another policy or another beginning ids differ: then it is the
nearest one about the same key with the same action, at most an hour away, and neither is taken twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.remediation import Decision

NEAR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """A stored decision. `decided_at`: ms."""

    decision_id: str
    tenant: str
    kind: str
    key: str
    action: str
    mode: str
    share: float
    cause: str
    reason: str
    policy_version: str
    reverts: str
    decided_at: int


def matched(decisions: Sequence[Decision], real: Sequence[Real]) -> tuple[list[Real | None], list[Real]]:
    """For each decision its real one, if there is one; and the real ones that are left, in their order."""
    by_id = {found.decision_id: found for found in real}
    pairs = [by_id.pop(decision.decision_id, None) for decision in decisions]
    rest: defaultdict[tuple[str, str, str, str], list[Real]] = defaultdict(list)
    for found in by_id.values():
        rest[found.tenant, found.kind, found.key, found.action].append(found)
    for place, decision in enumerate(decisions):
        near = rest[decision.tenant, decision.kind, decision.key, decision.action]
        best = min(near, key=lambda found: (_apart(decision, found), found.decided_at), default=None)
        if pairs[place] is None and best is not None and _apart(decision, best) <= NEAR_MS:
            pairs[place] = best
            near.remove(best)
    taken = {id(pair) for pair in pairs}
    return pairs, [found for found in real if id(found) not in taken]


def _apart(decision: Decision, found: Real) -> int:
    return abs(decision.decided_at - found.decided_at)
