"""The registry of alert channels: every way in which mailweir can tell people.

To add one: a module in `connectors/alerts/`, one line here, its name and keys in `schemas.alerts`. The contract suite
(`tests/contract/test_alerts.py`) loops over `CHANNELS`.
"""

from __future__ import annotations

from connectors.alerts.base import Channel
from connectors.alerts.email import EMAIL
from connectors.alerts.slack import SLACK
from connectors.alerts.teams import TEAMS
from connectors.alerts.webhook import WEBHOOK
from schemas.alerts import AlertKind
from schemas.errors import Misconfigured

CHANNELS: tuple[Channel, ...] = (SLACK, TEAMS, WEBHOOK, EMAIL)

_BY_KIND = {channel.kind: channel for channel in CHANNELS}
if len(_BY_KIND) != len(CHANNELS):
    raise Misconfigured("two alert channels share a kind in connectors.alert.CHANNELS")


def channel_of(kind: AlertKind) -> Channel:
    """The channel of that kind."""
    return _BY_KIND[kind]
