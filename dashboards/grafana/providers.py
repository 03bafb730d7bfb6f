"""The Mailbox providers board: how each takes our mail over time, and the replies that stand behind a spike."""

from __future__ import annotations

from dashboards.grafana.board import Dashboard, Link, Panel
from dashboards.grafana.looks import BARS, SERIES, by, shares
from dashboards.grafana.variables import CAMPAIGN, DECISIONS, PROVIDER, TENANT

_OF_PROVIDER = {"provider": "provider"}
_NO_MAIL = "No mail was delivered or refused in this span, by when it happened."


def _share(title: str, share: str) -> Panel:
    return Panel(
        title=title,
        kind="timeseries",
        query="provider_rates",
        fixed={"share": share},
        bound=_OF_PROVIDER,
        empty=_NO_MAIL,
        unit="percentunit",
        width=12,
        height=8,
        min_interval="5m",
        defaults=by("provider", max=1) if share == "delivered" else by("provider"),
        options=SERIES,
    )


PROVIDERS = Dashboard(
    uid="mailweir-providers",
    title="mailweir: Mailbox providers",
    description="Delivery, deferrals, blocks and complaints by mailbox provider, with the replies behind them.",
    variables=(TENANT, PROVIDER, CAMPAIGN),
    marks=(DECISIONS,),
    span="now-24h",
    refresh="1m",
    panels=(
        Panel(
            title="Mailbox providers",
            kind="table",
            query="provider_totals",
            bound=_OF_PROVIDER,
            empty=_NO_MAIL,
            unit="short",
            width=24,
            height=9,
            units=shares("delivered", "bounced_address", "blocked", "deferred", "complained"),
            links=(Link(column="provider", board="mailweir-bounces", variable="provider"),),
        ),
        _share("Delivered", "delivered"),
        _share("Put off", "deferred"),
        _share("Refused for the sender or the content", "blocked"),
        _share("Unknown addresses", "bounced"),
        _share("Complained about", "complained"),
        Panel(
            title="Reasons of refusals and deferrals",
            kind="timeseries",
            query="refusal_rates",
            bound={**_OF_PROVIDER, "campaign": "campaign"},
            empty="No mail was refused or put off in this span.",
            unit="short",
            width=12,
            height=8,
            min_interval="5m",
            defaults=by("reason", **BARS),
            options=SERIES,
        ),
        Panel(
            title="What they say",
            kind="table",
            query="replies",
            bound={**_OF_PROVIDER, "campaign": "campaign"},
            empty="No mail was refused or put off in this span.",
            unit="short",
            width=24,
            height=12,
        ),
    ),
)
