"""A small typed builder for Grafana's classic dashboard JSON (schema version 39, Grafana 11.6 and later).

Only what our boards use. A panel always has a named query, a unit and a description (the query's question).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dashboards.grafana.sql import grafana_sql
from dashboards.queries import query

DATASOURCE = {"type": "grafana-clickhouse-datasource", "uid": "mailweir"}
_COLUMNS = 24
_FORMAT = {"timeseries": 0, "table": 1}

Json = dict[str, Any]
Kind = Literal["timeseries", "stat", "table", "barchart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. `unit` is Grafana's unit id; `units` are those of single columns; `hidden` columns stay unshown.

    `width` in 24ths of the page, `height` in grid rows of 30 px. `fixed` sets query parameters.
    """

    title: str
    kind: Kind
    query: str
    unit: str
    width: int
    height: int
    units: Mapping[str, str] = field(default_factory=dict)
    hidden: Sequence[str] = ()
    fixed: Mapping[str, int | str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    min_interval: str = ""

    def sql(self) -> str:
        """What the panel asks, macros not yet expanded."""
        return grafana_sql(query(self.query), self.fixed)

    def json(self, number: int, x: int, y: int) -> Json:
        """The panel as Grafana stores it, at grid place (x, y)."""
        named = query(self.query)
        overrides = [_override(name, [{"id": "unit", "value": unit}]) for name, unit in self.units.items()]
        overrides += [_override(name, [{"id": "custom.hidden", "value": True}]) for name in self.hidden]
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": f"{named.question} (dashboards/queries/{self.query}.sql)",
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "interval": self.min_interval or None,
            "fieldConfig": {
                "defaults": {"unit": self.unit, "noValue": "no data", **self.defaults},
                "overrides": overrides,
            },
            "options": dict(self.options),
            "targets": [_target(self.sql(), "timeseries" if self.kind == "timeseries" else "table")],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A choice above the board. `sql` lists the values; "all" is sent as `all_value`, which is SQL."""

    name: str
    label: str
    sql: str
    all_value: str

    def json(self) -> Json:
        """The variable as Grafana stores it."""
        return {
            "name": self.name,
            "label": self.label,
            "type": "query",
            "datasource": DATASOURCE,
            "query": self.sql,
            "refresh": 2,
            "includeAll": True,
            "allValue": self.all_value,
            "multi": False,
            "sort": 1,
            "current": {"text": "All", "value": "$__all"},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One board; panels flow from left to right and wrap at 24 columns. `span` is what it opens with."""

    uid: str
    title: str
    description: str
    panels: Sequence[Panel]
    variables: Sequence[Variable]
    span: str = "now-15m"
    refresh: str = "10s"

    def json(self) -> Json:
        """The board as Grafana stores it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["mailweir"],
            "schemaVersion": 39,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "browser",
            "time": {"from": self.span, "to": "now"},
            "refresh": self.refresh,
            "templating": {"list": [variable.json() for variable in self.variables]},
            "annotations": {"list": []},
            "links": [],
            "panels": [panel.json(i + 1, x, y) for i, (panel, x, y) in enumerate(_flow(self.panels))],
        }


def _flow(panels: Sequence[Panel]) -> list[tuple[Panel, int, int]]:
    """Each panel with its grid place: a row takes panels until the next would not fit."""
    placed: list[tuple[Panel, int, int]] = []
    x = y = row_height = 0
    for panel in panels:
        if x + panel.width > _COLUMNS:
            x, y, row_height = 0, y + row_height, 0
        placed.append((panel, x, y))
        x, row_height = x + panel.width, max(row_height, panel.height)
    return placed


def _target(sql: str, kind: str) -> Json:
    return {
        "refId": "A",
        "datasource": DATASOURCE,
        "editorType": "sql",
        "queryType": kind,
        "format": _FORMAT[kind],
        "rawSql": sql,
        "meta": {},
        "pluginVersion": "4.20.0",
    }


def _override(column: str, properties: list[Json]) -> Json:
    return {"matcher": {"id": "byName", "options": column}, "properties": properties}
