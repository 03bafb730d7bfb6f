"""The IPs and domains board: score with its interval, what costs points, how a warm-up goes."""

from __future__ import annotations

from dashboards.grafana.board import Dashboard, Panel
from dashboards.grafana.looks import SCORE_STEPS, SERIES, shares
from dashboards.grafana.variables import DECISIONS, DOMAIN, IP, TENANT

_NO_SCORE = "No IP or domain was scored in this span: there was no mail from one that names it."
_NO_MAIL = "No mail was delivered or refused in this span, by when it happened."
_INTERVAL = {"displayName": "${__field.labels.key} ${__field.name}", "min": 0, "max": 100}


def _interval(title: str, kind: str, variable: str) -> Panel:
    return Panel(
        title=title,
        kind="timeseries",
        query="score_intervals",
        fixed={"kind": kind},
        bound={"key": variable},
        empty=_NO_SCORE,
        unit="none",
        width=12,
        height=10,
        min_interval="30s",
        defaults=_INTERVAL,
        options=SERIES,
    )


def _table(title: str, kind: str) -> Panel:
    return Panel(
        title=title,
        kind="table",
        query="scores",
        fixed={"kind": kind},
        empty=_NO_SCORE,
        unit="none",
        width=12,
        height=8,
        hidden=("kind", "penalties", "signals", "advice", "emulations", "window_start", "bounced_rest", "unsubscribed"),
        units={"delivered": "short", "sent": "short"},
        defaults={"thresholds": SCORE_STEPS, "decimals": 0},
    )


def _by_provider(title: str, kind: str, variable: str) -> Panel:
    return Panel(
        title=title,
        kind="table",
        query="sender_providers",
        fixed={"kind": kind},
        bound={"key": variable},
        empty=_NO_MAIL,
        unit="short",
        width=12,
        height=10,
        units=shares("delivered", "blocked", "deferred", "complained"),
    )


SENDERS = Dashboard(
    uid="mailweir-senders",
    title="mailweir: IPs and domains",
    description="Reputation of sending IPs and domains: score, interval, penalties, mailbox providers, warm-up.",
    variables=(TENANT, IP, DOMAIN),
    marks=(DECISIONS,),
    span="now-24h",
    refresh="1m",
    panels=(
        _table("Sending IPs", "ip"),
        _table("Sending domains", "domain"),
        _interval("Score of IPs, 90 % interval", "ip", "ip"),
        _interval("Score of domains, 90 % interval", "domain", "domain"),
        Panel(
            title="What costs IPs points",
            kind="table",
            query="penalties",
            fixed={"kind": "ip"},
            bound={"key": "ip"},
            empty="No IP has lost a point.",
            unit="none",
            width=12,
            height=8,
            hidden=("kind",),
            units={"rate": "percentunit", "allowed": "percentunit"},
        ),
        Panel(
            title="What costs domains points",
            kind="table",
            query="penalties",
            fixed={"kind": "domain"},
            bound={"key": "domain"},
            empty="No domain has lost a point.",
            unit="none",
            width=12,
            height=8,
            hidden=("kind",),
            units={"rate": "percentunit", "allowed": "percentunit"},
        ),
        _by_provider("IPs at mailbox providers", "ip_provider", "ip"),
        _by_provider("Domains at mailbox providers", "domain_provider", "domain"),
        Panel(
            title="Warm-up: messages a day",
            kind="table",
            query="warmup_volumes",
            bound={"key": "ip"},
            empty=_NO_MAIL,
            unit="short",
            width=12,
            height=10,
            units={"growth": "percentunit", **shares("blocked")},
        ),
        Panel(
            title="What is said to an IP",
            kind="table",
            query="replies",
            bound={"ip": "ip"},
            empty="No mail was refused or put off in this span.",
            unit="short",
            width=12,
            height=10,
        ),
    ),
)
