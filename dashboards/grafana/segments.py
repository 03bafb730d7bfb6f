"""The Segments and flows board: how large segments are and were, who came and went, which way people go on journeys."""

from __future__ import annotations

from dashboards.grafana.board import Dashboard, Panel
from dashboards.grafana.looks import SERIES, by
from dashboards.grafana.variables import SEGMENT, TENANT

_OF_SEGMENT = {"segment": "segment"}
_NOBODY = "Nobody was ever in a segment: is one configured, and does the segments service run?"
_NO_JOURNEY = "Nobody was on a journey in this span: is one configured, and does the segments service run?"

SEGMENTS = Dashboard(
    uid="mailweir-segments",
    title="mailweir: Segments and flows",
    description="Who is in which segment, who came and went; who is on which journey, and how it ends.",
    variables=(TENANT, SEGMENT),
    span="now-24h",
    refresh="30s",
    panels=(
        Panel(
            title="Segments",
            kind="table",
            query="segments",
            bound=_OF_SEGMENT,
            empty=_NOBODY,
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
            bound=_OF_SEGMENT,
            empty=_NOBODY,
            unit="short",
            width=14,
            height=12,
            min_interval="10s",
            defaults=by("segment_id", decimals=0),
            options=SERIES,
        ),
        Panel(
            title="Latest entries and exits",
            kind="table",
            query="segment_transitions",
            bound=_OF_SEGMENT,
            empty="Nobody entered or left a segment in this span.",
            unit="none",
            width=16,
            height=10,
            hidden=("transition_id", "rule_version", "number"),
        ),
        Panel(
            title="Live and being built",
            kind="table",
            query="segment_list",
            empty="There is no segment: `segments` in mailweir.yaml names the folder with their rules.",
            unit="none",
            width=8,
            height=10,
        ),
        Panel(
            title="Journeys",
            kind="table",
            query="journey_totals",
            empty=_NO_JOURNEY,
            unit="short",
            width=12,
            height=8,
        ),
        Panel(
            title="Onto journeys and off",
            kind="timeseries",
            query="journey_rates",
            empty=_NO_JOURNEY,
            unit="short",
            width=12,
            height=8,
            min_interval="30s",
            defaults=by("what"),
            options=SERIES,
        ),
        Panel(
            title="Which way people went",
            kind="table",
            query="journey_steps",
            empty=_NO_JOURNEY,
            unit="short",
            width=24,
            height=10,
        ),
    ),
)
