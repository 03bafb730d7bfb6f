"""The Segments board: how large segments are and were, who came and went."""

from __future__ import annotations

from dashboards.grafana.board import Dashboard, Panel, Variable
from dashboards.grafana.overview import TENANT

_SEGMENT = Variable(
    name="segment",
    label="Segment",
    sql="SELECT DISTINCT segment_id FROM mailweir.segment_changes ORDER BY segment_id",
    all_value="''",
)

SEGMENTS = Dashboard(
    uid="mailweir-segments",
    title="mailweir: Segments",
    description="Who is in which segment: sizes now and over time, entries and exits.",
    variables=(TENANT, _SEGMENT),
    span="now-24h",
    refresh="30s",
    panels=(
        Panel(
            title="Segments",
            kind="table",
            query="segments",
            unit="none",
            width=10,
            height=12,
            hidden=("rule_version",),
            units={"size": "short", "entered": "short", "exited": "short"},
        ),
        Panel(
            title="Size",
            kind="timeseries",
            query="segment_sizes",
            unit="short",
            width=14,
            height=12,
            min_interval="10s",
            defaults={"displayName": "${__field.labels.segment_id}", "min": 0, "decimals": 0},
            options={
                "tooltip": {"mode": "multi", "sort": "desc"},
                "legend": {"displayMode": "table", "calcs": ["lastNotNull"]},
            },
        ),
        Panel(
            title="Latest entries and exits",
            kind="table",
            query="segment_transitions",
            unit="none",
            width=16,
            height=10,
            hidden=("transition_id", "rule_version", "number"),
        ),
        Panel(title="Live and being built", kind="table", query="segment_list", unit="none", width=8, height=10),
    ),
)
