"""The Overview board: the console's questions for people who live in Grafana."""

from __future__ import annotations

from dashboards.grafana.board import Dashboard, Panel, Variable

TENANT = Variable(
    name="tenant",
    label="Tenant",
    sql="SELECT DISTINCT tenant FROM mailweir.email_events ORDER BY tenant",
    all_value="''",
)

_LAST_ROW = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False}, "graphMode": "none"}
_SCORE_STEPS = {
    "mode": "absolute",
    "steps": [
        {"color": "red", "value": None},
        {"color": "orange", "value": 50},
        {"color": "yellow", "value": 80},
        {"color": "green", "value": 90},
    ],
}

OVERVIEW = Dashboard(
    uid="mailweir-overview",
    title="mailweir: Overview",
    description="State of the sending: flow, reputation, decisions, mailbox providers, failures.",
    variables=(TENANT,),
    panels=(
        Panel(
            title="What became of the mail",
            kind="stat",
            query="totals",
            unit="short",
            width=16,
            height=4,
            options=_LAST_ROW,
        ),
        Panel(
            title="Pipeline",
            kind="stat",
            query="pipeline",
            unit="short",
            width=8,
            height=4,
            options={**_LAST_ROW, "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/rows|_ms/", "values": False}},
            units={
                "post_to_row_p50_ms": "ms",
                "post_to_row_p99_ms": "ms",
                "post_to_score_p50_ms": "ms",
                "post_to_score_p99_ms": "ms",
            },
        ),
        Panel(
            title="Mail flow",
            kind="timeseries",
            query="event_rates",
            unit="eps",
            width=14,
            height=9,
            min_interval="5s",
            defaults={"displayName": "${__field.labels.event_type}", "min": 0},
            options={
                "tooltip": {"mode": "multi", "sort": "desc"},
                "legend": {"displayMode": "table", "calcs": ["lastNotNull"]},
            },
        ),
        Panel(
            title="Campaign scores",
            kind="timeseries",
            query="score_history",
            unit="none",
            width=10,
            height=9,
            min_interval="15s",
            fixed={"kind": "campaign"},
            defaults={"displayName": "${__field.labels.key}", "min": 0, "max": 100},
            options={"tooltip": {"mode": "multi", "sort": "asc"}},
        ),
        Panel(
            title="Decisions",
            kind="table",
            query="decisions",
            unit="none",
            width=24,
            height=7,
            hidden=(
                *(
                    "evidence",
                    "decision_id",
                    "tenant",
                    "policy_version",
                    "campaign_id",
                    "sending_ip",
                    "mailbox_provider",
                ),
                *(
                    "as_of",
                    "ip_pool",
                    "reverts",
                    "reverted_by",
                    "key_state",
                    "attempts",
                    "http_statuses",
                    "executed_times",
                ),
                *("ruling_ids", "ruling_verbs", "ruling_people", "ruling_reasons", "ruling_times", "expires_at"),
            ),
        ),
        Panel(
            title="Reputation",
            kind="table",
            query="scores",
            unit="none",
            width=24,
            height=10,
            hidden=("penalties", "signals", "trend", "advice", "emulations", "tenant", "window_start"),
            units={"delivered": "short", "sent": "short"},
            defaults={"thresholds": _SCORE_STEPS, "decimals": 0},
        ),
        Panel(
            title="Mailbox providers",
            kind="table",
            query="mailbox_providers",
            unit="short",
            width=13,
            height=9,
            units={
                "delivered_share": "percentunit",
                "bounced_address_share": "percentunit",
                "blocked_share": "percentunit",
                "deferred_share": "percentunit",
                "complained_share": "percentunit",
            },
        ),
        Panel(title="What the refusals say", kind="table", query="refusals", unit="short", width=11, height=9),
        Panel(
            title="Dead letters by reason",
            kind="barchart",
            query="dead_letters_by_code",
            unit="short",
            width=9,
            height=8,
            hidden=("newest_at",),
            options={"xField": "code", "orientation": "horizontal"},
        ),
        Panel(
            title="Newest dead letters",
            kind="table",
            query="dead_letters_latest",
            unit="none",
            width=15,
            height=8,
            hidden=("dead_letter_id",),
            units={"size_bytes": "bytes"},
        ),
    ),
)
