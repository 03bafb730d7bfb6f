"""All keys together: who explains whom, how many were stopped lately, and each key's state.

Keys overlap: one bad campaign makes its address, domain, provider and tenant look bad too, and a block
at one provider makes the whole address look bad. So a wide key is not acted on while a narrower key
that it contains is in trouble: the narrow one is the cause and gets the action. Which campaigns used
which address is not known here, so any campaign of the tenant that was throttled or paused within a day
of event time explains its shared keys; blocks are explained by the address at one provider only. When
the narrow key's trouble is over and the wide key's is not, the wide key alerts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from schemas.aggregates import RANK, KeyKind, Level, ReputationScore
from schemas.config import Policy
from schemas.remediation import Decision
from schemas.topics import DAY_MS, HOUR_MS
from streams.core.remediation.actions import STOPPING
from streams.core.remediation.machine import Context, KeyState, StateKey, parts_of, restore, step

BLOCKS = "block_cusum"
_SHARED = frozenset({KeyKind.IP, KeyKind.IP_POOL, KeyKind.DOMAIN, KeyKind.PROVIDER, KeyKind.TENANT})
_NARROW = {KeyKind.IP: KeyKind.IP_PROVIDER, KeyKind.DOMAIN: KeyKind.DOMAIN_PROVIDER}
_AT_PROVIDER = frozenset({KeyKind.IP_PROVIDER, KeyKind.DOMAIN_PROVIDER})
STOPS_KEPT = 10_000  # pauses remembered for the hourly limit; far above any sensible limit


class Desk:
    """States of every key with a signal; grows with keys in trouble, not with keys watched."""

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        """Begin with what earlier decisions say; `decisions` are all records of the topic."""
        known = list(decisions)
        self._states: dict[StateKey, KeyState] = restore(known)
        self._stops: deque[tuple[int, str]] = deque(maxlen=STOPS_KEPT)
        for decision in sorted(known, key=lambda d: d.decided_at):
            self._count(decision)

    def consider(self, score: ReputationScore, policy: Policy, now_ms: int) -> Decision | None:
        """The decision that this score calls for, if it is a new one. `now_ms` is wall time."""
        place = (score.tenant, score.kind, score.key)
        state = self._states.get(place)
        if state is None and score.level == Level.HEALTHY:
            return None
        context = Context()
        if score.level != Level.HEALTHY:
            context = Context(explained_by=self._cause(score), stops_last_hour=self._stops_since(score.tenant, now_ms))
        after, decision = step(state or KeyState(), score, policy, now_ms, context)
        self._keep(place, after)
        if decision is not None:
            self._count(decision)
        return decision

    def state(self, tenant: str, kind: str, key: str) -> KeyState:
        """What is remembered about one key."""
        return self._states.get((tenant, kind, key), KeyState())

    def _keep(self, place: StateKey, state: KeyState) -> None:
        if state == KeyState():
            self._states.pop(place, None)
        else:
            self._states[place] = state

    def _count(self, decision: Decision) -> None:
        if decision.action in STOPPING:
            self._stops.append((decision.decided_at, decision.tenant))

    def _stops_since(self, tenant: str, now_ms: int) -> int:
        return sum(1 for at, whose in self._stops if whose == tenant and at > now_ms - HOUR_MS)

    def _cause(self, score: ReputationScore) -> str:
        """The narrower key whose trouble explains this one's, as "kind key"; "" if there is none."""
        kind = KeyKind(score.kind)
        name, _ = parts_of(kind, score.key)
        is_block = any(s.detector == BLOCKS and s.level == score.level for s in score.signals)
        for (tenant, other, key), state in self._states.items():
            if tenant != score.tenant or not _is_acute(state, score.as_of):
                continue
            narrow = KeyKind(other)
            if kind == KeyKind.CAMPAIGN_PROVIDER and narrow == KeyKind.CAMPAIGN and key == name:
                return f"{other} {key}"
            if kind not in _SHARED:
                continue
            if (
                is_block
                and narrow in _AT_PROVIDER
                and (kind not in _NARROW or (narrow == _NARROW[kind] and parts_of(narrow, key)[0] == name))
            ):
                return f"{other} {key}"
            if not is_block and narrow == KeyKind.CAMPAIGN:
                return f"{other} {key}"
        return ""


def _is_acute(state: KeyState, as_of: int) -> bool:
    """Throttled or worse, decided within a day of event time."""
    return RANK[state.level] >= RANK[Level.THROTTLED] and abs(as_of - state.decided_as_of) < DAY_MS
