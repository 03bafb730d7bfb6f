"""The Pipeline health board, from what is stored; what only the processes know is in their /metrics."""

from __future__ import annotations

from dashboards.grafana.board import Dashboard, Panel
from dashboards.grafana.looks import BARS, LAST_ROW, SERIES, by
from dashboards.grafana.variables import TENANT

_NOTHING = "Nothing was stored in this span: does the sink run? With a tenant chosen there are no batches to count."
_NO_EVENT = "No mail event was received in this span."
_ALL_FINE = "Every record of this span could be processed."
LATENCIES = ("post_to_row_p50_ms", "post_to_row_p99_ms", "post_to_score_p50_ms", "post_to_score_p99_ms")

HEALTH = Dashboard(
    uid="mailweir-health",
    title="mailweir: Pipeline health",
    description=(
        "Lag, latency, dead letters, repeats and throughput by service, from the store. Consumers' lag in records,"
        " memory and refused posts are in each service's /metrics, for Prometheus."
    ),
    variables=(TENANT,),
    panels=(
        Panel(
            title="Now",
            kind="stat",
            query="pipeline",
            empty="Nothing is stored yet.",
            unit="short",
            width=16,
            height=4,
            options={**LAST_ROW, "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/rows|_ms/", "values": False}},
            units=dict.fromkeys(LATENCIES, "ms"),
        ),
        Panel(
            title="Came more than once",
            kind="stat",
            query="repeats",
            empty=_NOTHING,
            unit="short",
            width=8,
            height=4,
            options=LAST_ROW,
            units={"repeated_share": "percentunit"},
        ),
        Panel(
            title="Webhook to row",
            kind="timeseries",
            query="latencies",
            empty=_NO_EVENT,
            unit="ms",
            width=12,
            height=9,
            min_interval="5s",
            defaults={"min": 0},
            options=SERIES,
        ),
        Panel(
            title="Webhook to score",
            kind="timeseries",
            query="score_latencies",
            empty="No score counted a new event in this span.",
            unit="ms",
            width=12,
            height=9,
            min_interval="5s",
            defaults={"min": 0},
            options=SERIES,
        ),
        Panel(
            title="Stored a second, by service and topic",
            kind="timeseries",
            query="throughput",
            empty=_NOTHING,
            unit="rps",
            width=14,
            height=9,
            min_interval="5s",
            defaults=by("service"),
            options=SERIES,
        ),
        Panel(
            title="Services",
            kind="table",
            query="services",
            empty=_NOTHING,
            unit="short",
            width=10,
            height=9,
            units={"silent_for_s": "s"},
        ),
        Panel(
            title="Received a second",
            kind="timeseries",
            query="event_rates",
            empty=_NO_EVENT,
            unit="eps",
            width=12,
            height=8,
            min_interval="5s",
            defaults=by("event_type"),
            options=SERIES,
        ),
        Panel(
            title="Dead letters",
            kind="timeseries",
            query="dead_letter_rates",
            empty=_ALL_FINE,
            unit="short",
            width=12,
            height=8,
            min_interval="1m",
            defaults=by("cause", **BARS),
            options=SERIES,
            rows_in=("flaky",),
        ),
        Panel(
            title="Dead letters by reason",
            kind="table",
            query="dead_letters_by_code",
            empty=_ALL_FINE,
            unit="short",
            width=9,
            height=8,
            rows_in=("flaky",),
        ),
        Panel(
            title="Newest dead letters",
            kind="table",
            query="dead_letters_latest",
            empty=_ALL_FINE,
            unit="none",
            width=15,
            height=8,
            hidden=("dead_letter_id",),
            units={"size_bytes": "bytes"},
            rows_in=("flaky",),
        ),
    ),
)
