"""What is done about which kind of key at which level; the whole of it is the table below.

* A bad campaign is paused: that is the narrowest thing that stops the harm.
* A campaign that is bad at one mailbox provider only is throttled; the rest of it is left alone.
* An address that is refused is rested where it is refused (`ip_provider`), or altogether (`ip`). That
  cures blocks and nothing else, so only a block may ask for it; complaints on an address alert.
* Sending domains, pools, mailbox providers and tenants are shared by healthy campaigns: they alert.
* "watch" is for dashboards: no decision.
"""

from __future__ import annotations

from schemas.aggregates import KeyKind, Level, ReputationScore
from schemas.remediation import Action

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
CURES: dict[Action, frozenset[str]] = {Action.REST_IP: frozenset({"block_cusum"})}
STOPPING = frozenset({Action.PAUSE_CAMPAIGN, Action.REST_IP})  # counted against max_pauses_per_hour


def wanted(score: ReputationScore) -> Action | None:
    """The action that the table gives for this score; None where there is nothing to do."""
    action = ACTIONS[KeyKind(score.kind)].get(Level(score.level))
    if action in CURES and not any(
        signal.level == score.level and signal.detector in CURES[action] for signal in score.signals
    ):
        return Action.ALERT
    return action
