"""What is done about which kind of key at which level; the whole of it is the table below.

* A bad campaign is paused: that is the narrowest thing that stops the harm.
* A campaign that is bad at one mailbox provider only is throttled; the rest of it is left alone.
* An address that is refused is slowed down and rested where it is refused (`ip_provider`), or altogether (`ip`).
  That cures blocks and nothing else, so only they may ask for it: complaints on an address alert, and so does mail that
  is refused because it is not authenticated, since the next address would be no better.
* Sending domains, pools, mailbox providers and tenants are shared by healthy campaigns: they alert.
* "watch" is for dashboards: no decision.
"""

from __future__ import annotations

from schemas.aggregates import RANK, KeyKind, Level
from schemas.remediation import Action, Cause
from schemas.verdicts import Verdict
from streams.core.remediation.causes import causes_of

ACTIONS: dict[KeyKind, dict[Level, Action]] = {
    KeyKind.CAMPAIGN: {Level.THROTTLED: Action.THROTTLE, Level.PAUSED: Action.PAUSE_CAMPAIGN},
    KeyKind.CAMPAIGN_PROVIDER: {Level.THROTTLED: Action.ALERT, Level.PAUSED: Action.THROTTLE},
    KeyKind.IP: {Level.THROTTLED: Action.ALERT, Level.PAUSED: Action.REST_IP},
    KeyKind.IP_PROVIDER: {Level.THROTTLED: Action.THROTTLE, Level.PAUSED: Action.REST_IP},
    KeyKind.IP_POOL: {Level.THROTTLED: Action.ALERT, Level.PAUSED: Action.ALERT},
    KeyKind.DOMAIN: {Level.THROTTLED: Action.ALERT, Level.PAUSED: Action.ALERT},
    KeyKind.DOMAIN_PROVIDER: {Level.THROTTLED: Action.ALERT, Level.PAUSED: Action.ALERT},
    KeyKind.PROVIDER: {Level.THROTTLED: Action.ALERT, Level.PAUSED: Action.ALERT},
    KeyKind.TENANT: {Level.THROTTLED: Action.ALERT, Level.PAUSED: Action.ALERT},
}
ADDRESSES = frozenset({KeyKind.IP, KeyKind.IP_PROVIDER})
CURED_AT_ADDRESSES = frozenset({str(Cause.BLOCKS), str(Cause.BLOCKLIST)})  # by sending less through them
STOPPING = frozenset({Action.PAUSE_CAMPAIGN, Action.REST_IP})  # counted against max_pauses_per_hour
WITH_SHARES = frozenset({KeyKind.CAMPAIGN})  # come back step by step; an address is either back or not

_NARROW_FIRST = (
    *(KeyKind.CAMPAIGN, KeyKind.CAMPAIGN_PROVIDER, KeyKind.IP_PROVIDER, KeyKind.DOMAIN_PROVIDER),
    *(KeyKind.IP, KeyKind.DOMAIN, KeyKind.IP_POOL, KeyKind.PROVIDER, KeyKind.TENANT),
)
_PLACE = {kind: place for place, kind in enumerate(_NARROW_FIRST)}


def wanted(verdict: Verdict) -> Action | None:
    """The action that the table gives for this verdict; None where there is nothing to do."""
    kind = KeyKind(verdict.kind)
    action = ACTIONS[kind].get(Level(verdict.level))
    if action and kind in ADDRESSES and not CURED_AT_ADDRESSES.intersection(causes_of(verdict)):
        return Action.ALERT
    return action


def judging_order(verdict: Verdict) -> tuple[int, int, str, str]:
    """Sorts a slot's verdicts: narrow kinds first, so that a cause is known before what it drags down.

    Campaigns come before their pairs, because a campaign explains its pairs; pairs of addresses and domains come
    before these, because there the pair explains the whole.
    """
    return verdict.at, _PLACE[KeyKind(verdict.kind)], verdict.tenant, verdict.key


def place_of(tenant: str, kind: str, key: str) -> tuple[int, str, str]:
    """`judging_order` of a key, for what happens to several keys at one time."""
    return _PLACE[KeyKind(kind)], tenant, key


def back_of(place: tuple[str, str, str]) -> Action:
    """How a stopped key of this kind (tenant, kind, key) comes back."""
    return Action.RESUME_CAMPAIGN if place[1] == KeyKind.CAMPAIGN else Action.RETURN_IP


def stop_of(place: tuple[str, str, str]) -> Action:
    """How a key of this kind is stopped."""
    return Action.PAUSE_CAMPAIGN if place[1] == KeyKind.CAMPAIGN else Action.REST_IP


def is_bad(level: str) -> bool:
    """Throttled or worse."""
    return RANK[Level(level)] >= RANK[Level.THROTTLED]


def parts_of(kind: KeyKind, key: str) -> tuple[str, str]:
    """A key's own name and its mailbox provider, "" where it has none."""
    if kind == KeyKind.PROVIDER:
        return key, key
    if kind in {KeyKind.CAMPAIGN_PROVIDER, KeyKind.IP_PROVIDER, KeyKind.DOMAIN_PROVIDER}:
        name, _, provider = key.rpartition("|")
        return name, provider
    return key, ""
