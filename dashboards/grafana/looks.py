"""What panels of a kind have in common: legends, tooltips, colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SERIES: Mapping[str, Any] = {
    "tooltip": {"mode": "multi", "sort": "desc"},
    "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull"]},
}
LAST_ROW: Mapping[str, Any] = {
    "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False},
    "graphMode": "none",
}
BARS: Mapping[str, Any] = {"custom": {"drawStyle": "bars", "fillOpacity": 60, "stacking": {"mode": "normal"}}, "min": 0}
SCORE_STEPS: Mapping[str, Any] = {
    "mode": "absolute",
    "steps": [
        {"color": "red", "value": None},
        {"color": "orange", "value": 50},
        {"color": "yellow", "value": 80},
        {"color": "green", "value": 90},
    ],
}


def shares(*names: str) -> dict[str, str]:
    """The unit of columns that hold shares: `bounced` is the column bounced_share."""
    return {f"{name}_share": "percentunit" for name in names}


def by(label: str, **more: Any) -> dict[str, Any]:
    """Defaults of a chart whose lines are named by one label of the query."""
    return {"displayName": f"${{__field.labels.{label}}}", "min": 0, **more}
