"""The Bounces board: what mail bounces for, whom that speaks of, where, and in which words."""

from __future__ import annotations

from dashboards.grafana.board import Dashboard, Link, Panel
from dashboards.grafana.looks import BARS, SERIES, by
from dashboards.grafana.variables import CAMPAIGN, PROVIDER, TENANT

_OF = {"provider": "provider", "campaign": "campaign"}
_NONE = "No mail bounced in this span, by when it happened."

BOUNCES = Dashboard(
    uid="mailweir-bounces",
    title="mailweir: Bounces",
    description="Bounces by reason, scope, mailbox provider and reply.",
    variables=(TENANT, PROVIDER, CAMPAIGN),
    span="now-24h",
    refresh="1m",
    panels=(
        Panel(
            title="Classes",
            kind="table",
            query="bounce_classes",
            bound=_OF,
            empty=_NONE,
            unit="short",
            width=24,
            height=9,
            links=(Link(column="main_campaign", board="mailweir-campaign", variable="campaign"),),
        ),
        Panel(
            title="Whom they speak of",
            kind="timeseries",
            query="bounce_scopes",
            bound=_OF,
            empty=_NONE,
            unit="short",
            width=12,
            height=9,
            min_interval="5m",
            defaults=by("scope", **BARS),
            options=SERIES,
        ),
        Panel(
            title="Reasons of refusals and deferrals",
            kind="timeseries",
            query="refusal_rates",
            bound=_OF,
            empty="No mail was refused or put off in this span.",
            unit="short",
            width=12,
            height=9,
            min_interval="5m",
            defaults=by("reason", **BARS),
            options=SERIES,
        ),
        Panel(
            title="Where, and for what",
            kind="table",
            query="bounce_providers",
            bound=_OF,
            empty=_NONE,
            unit="short",
            width=9,
            height=12,
            units={"share_of_provider": "percentunit"},
            links=(Link(column="provider", board="mailweir-providers", variable="provider"),),
        ),
        Panel(
            title="Top replies",
            kind="table",
            query="replies",
            bound=_OF,
            empty="No mail was refused or put off in this span.",
            unit="short",
            width=15,
            height=12,
        ),
    ),
)
