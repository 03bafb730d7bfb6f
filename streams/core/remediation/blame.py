"""Whose fault is a wide key's trouble? The narrower keys of each tenant that were acted on within a day.

Keys overlap: one bad campaign makes its address, domain, provider and tenant look bad too, and a block at one
provider makes the whole address look bad. Which campaigns used which address is not known here, so any campaign of the
tenant that was acted on within a day explains its shared keys; blocks are explained by the address or domain at one
provider only. Every answer is O(1): the places are kept in the order in which they were blamed, so the last one is
the newest.
"""

from __future__ import annotations

from schemas.aggregates import KeyKind
from schemas.remediation import Cause
from schemas.topics import DAY_MS
from schemas.verdicts import Verdict
from streams.core.remediation.actions import parts_of
from streams.core.remediation.causes import causes_of
from streams.core.remediation.state import StateKey

_SHARED = frozenset({KeyKind.IP, KeyKind.IP_POOL, KeyKind.DOMAIN, KeyKind.PROVIDER, KeyKind.TENANT})
_NARROW = {KeyKind.IP: KeyKind.IP_PROVIDER, KeyKind.DOMAIN: KeyKind.DOMAIN_PROVIDER}
_AT_PROVIDER = frozenset(_NARROW.values())
_BLOCKS = frozenset({str(Cause.BLOCKS), str(Cause.BLOCKLIST), str(Cause.COMPLIANCE)})
_AT_ANY = "at any provider"

Group = tuple[str, ...]


class Blame:
    """Which keys are to blame, and since when."""

    def __init__(self) -> None:
        self._groups: dict[Group, dict[StateKey, int]] = {}

    def keep(self, place: StateKey, blamed_at: int) -> None:
        """`place` was acted on at `blamed_at`, which never runs backwards; 0: it is to blame for nothing."""
        for group in _groups_of(place):
            members = self._groups.setdefault(group, {})
            if blamed_at and members.get(place) == blamed_at:
                continue
            members.pop(place, None)
            if blamed_at:
                members[place] = blamed_at
            if not members:
                del self._groups[group]

    def explains(self, verdict: Verdict, now: int) -> bool:
        """Is the trouble of this key that of a narrower one?"""
        return any(self._newest(group) > now - DAY_MS for group in _causes(verdict))

    def _newest(self, group: Group) -> int:
        members = self._groups.get(group)
        return members[next(reversed(members))] if members else 0


def _groups_of(place: StateKey) -> tuple[Group, ...]:
    tenant, kind, key = place
    if kind == KeyKind.CAMPAIGN:
        return (tenant, kind), (tenant, kind, key)
    if kind in _AT_PROVIDER:
        return (tenant, _AT_ANY), (tenant, kind, parts_of(KeyKind(kind), key)[0])
    return ()


def _causes(verdict: Verdict) -> tuple[Group, ...]:
    """The groups in which a cause of this verdict would be."""
    kind = KeyKind(verdict.kind)
    if kind == KeyKind.CAMPAIGN_PROVIDER:
        return ((verdict.tenant, KeyKind.CAMPAIGN, parts_of(kind, verdict.key)[0]),)
    if kind not in _SHARED:
        return ()
    if not _BLOCKS.intersection(causes_of(verdict)):
        return ((verdict.tenant, KeyKind.CAMPAIGN),)
    narrow = _NARROW.get(kind)
    return ((verdict.tenant, narrow, verdict.key),) if narrow else ((verdict.tenant, _AT_ANY),)
