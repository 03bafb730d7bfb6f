"""The Decisions board: what was decided, on which rates, how fast, and what people said to it."""

from __future__ import annotations

from dashboards.grafana.board import Dashboard, Link, Panel
from dashboards.grafana.looks import BARS, LAST_ROW, SERIES, by
from dashboards.grafana.variables import CAMPAIGN, DECIDED, DECISIONS, TENANT

_NONE = "Nothing was decided in this span: no campaign, IP or domain was in trouble."
HIDDEN = (
    *("evidence", "tenant", "policy_version", "campaign_id", "sending_ip", "mailbox_provider", "as_of", "ip_pool"),
    *("reverts", "reverted_by", "key_state", "attempts", "http_statuses", "executed_times", "ruling_ids"),
    *("ruling_verbs", "ruling_people", "ruling_reasons", "ruling_times", "expires_at", "decision_id"),
)
"""Columns of `decisions` that the console needs and a table does not."""

DECISIONS_BOARD = Dashboard(
    uid="mailweir-decisions",
    title="mailweir: Decisions",
    description="Decisions beside the rates that caused them, their delays, and every step since.",
    variables=(TENANT, CAMPAIGN),
    marks=(DECISIONS,),
    span="now-24h",
    refresh="30s",
    panels=(
        Panel(
            title="Where they stand",
            kind="stat",
            query="decision_standing",
            empty="0",
            unit="short",
            width=24,
            height=4,
            options=LAST_ROW,
        ),
        Panel(
            title="The rates behind them",
            kind="timeseries",
            query="campaign_rates",
            bound={"campaign": "campaign"},
            empty="No mail of a campaign in this span, by when it happened.",
            unit="percentunit",
            width=14,
            height=10,
            min_interval="5m",
            defaults={"min": 0},
            options=SERIES,
        ),
        Panel(
            title="Timeline",
            kind="timeseries",
            query="decision_counts",
            bound={"campaign": "campaign"},
            empty=_NONE,
            unit="short",
            width=10,
            height=10,
            min_interval="1m",
            defaults=by("action", **BARS),
            options=SERIES,
            rows_in=DECIDED,
        ),
        Panel(
            title="Decisions",
            kind="table",
            query="decisions",
            bound={"campaign": "campaign"},
            empty=_NONE,
            unit="none",
            width=24,
            height=9,
            hidden=HIDDEN,
            rows_in=DECIDED,
        ),
        Panel(
            title="How long it took",
            kind="table",
            query="decision_delays",
            empty=_NONE,
            unit="none",
            width=10,
            height=9,
            units={"signal_to_decision_ms": "ms", "decision_to_done_ms": "ms"},
            rows_in=DECIDED,
        ),
        Panel(
            title="Step by step",
            kind="table",
            query="audit_trail",
            empty=_NONE,
            unit="none",
            width=14,
            height=9,
            rows_in=DECIDED,
        ),
        Panel(
            title="Stopped and not resumed",
            kind="table",
            query="campaign_states",
            empty="No campaign is paused.",
            unit="none",
            width=24,
            height=6,
            hidden=("decision_id",),
            links=(Link(column="campaign_id", board="mailweir-campaign", variable="campaign"),),
            rows_in=("bad-list",),
        ),
    ),
)
