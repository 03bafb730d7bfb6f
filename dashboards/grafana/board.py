"""A small typed builder for Grafana's classic dashboard JSON (schema version 39, Grafana 11.6 and later).

Only what our boards use. A panel always has a named query, a unit, a description (the query's question) and a sentence
for when there is nothing to show. `rows_in` says in which of the demo's scenarios it has something to show; a test
runs every panel against them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dashboards.grafana.sql import grafana_sql
from dashboards.queries import query

DATASOURCE = {"type": "grafana-clickhouse-datasource", "uid": "mailweir"}
EVERY = ("healthy", "bad-list", "blocked-ip", "flaky")
_COLUMNS = 24
_FORMAT = {"timeseries": 0, "table": 1}
_SPAN = "${__url_time_range}"
_TENANT = {"tenant": "tenant"}

Json = dict[str, Any]
Kind = Literal["timeseries", "stat", "table", "barchart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """From a table's column to another board, whose variable gets the cell's value; tenant and span go along."""

    column: str
    board: str
    variable: str

    def json(self) -> Json:
        """The column's override as Grafana stores it."""
        url = f"/d/{self.board}?var-{self.variable}=${{__value.raw:percentencode}}&${{tenant:queryparam}}&{_SPAN}"
        link = {"title": f"Open with this {self.variable}", "url": url, "targetBlank": False}
        return override(self.column, [{"id": "links", "value": [link]}])


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. `unit` is Grafana's unit id; `units` are those of single columns; `hidden` columns stay unshown.

    `width` in 24ths of the page, `height` in grid rows of 30 px. `fixed` sets query parameters, `bound` names the
    board's variable for one. `empty`: what it says instead of rows.
    """

    title: str
    kind: Kind
    query: str
    unit: str
    width: int
    height: int
    empty: str
    units: Mapping[str, str] = field(default_factory=dict)
    hidden: Sequence[str] = ()
    fixed: Mapping[str, int | str] = field(default_factory=dict)
    bound: Mapping[str, str] = field(default_factory=dict)
    links: Sequence[Link] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    min_interval: str = ""
    rows_in: Sequence[str] = EVERY

    def sql(self) -> str:
        """What the panel asks, macros not yet expanded."""
        return grafana_sql(query(self.query), self.fixed, {**_TENANT, **self.bound})

    def json(self, number: int, x: int, y: int) -> Json:
        """The panel as Grafana stores it, at grid place (x, y)."""
        named = query(self.query)
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": f"{named.question} (dashboards/queries/{self.query}.sql)",
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "interval": self.min_interval or None,
            "fieldConfig": {
                "defaults": {"unit": self.unit, "noValue": self.empty, **self.defaults},
                "overrides": self._overrides(),
            },
            "options": dict(self.options),
            "targets": [target(self.sql(), "timeseries" if self.kind == "timeseries" else "table")],
        }

    def _overrides(self) -> list[Json]:
        units = [override(name, [{"id": "unit", "value": unit}]) for name, unit in self.units.items()]
        hidden = [override(name, [{"id": "custom.hidden", "value": True}]) for name in self.hidden]
        return units + hidden + [link.json() for link in self.links]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A choice above the board, listed by a named query; "all" is sent as the empty text."""

    name: str
    label: str
    query: str
    rows_in: Sequence[str] = EVERY

    def sql(self) -> str:
        """What lists the values; they depend on the tenant chosen, but for the tenants themselves."""
        return grafana_sql(query(self.query), {}, {} if self.name == "tenant" else _TENANT)

    def json(self) -> Json:
        """The variable as Grafana stores it; `allValue` is SQL."""
        return {
            "name": self.name,
            "label": self.label,
            "description": query(self.query).question,
            "type": "query",
            "datasource": DATASOURCE,
            "query": self.sql(),
            "refresh": 2,
            "includeAll": True,
            "allValue": "''",
            "multi": False,
            "sort": 1,
            "current": {"text": "All", "value": "$__all"},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Upright lines on the board's charts. The query's columns are time, title, text and tags."""

    name: str
    query: str
    bound: Mapping[str, str] = field(default_factory=dict)
    color: str = "red"
    rows_in: Sequence[str] = EVERY

    def sql(self) -> str:
        """What the marks are asked with."""
        return grafana_sql(query(self.query), {}, {**_TENANT, **self.bound})

    def json(self) -> Json:
        """The annotation as Grafana stores it."""
        return {
            "name": self.name,
            "datasource": DATASOURCE,
            "enable": True,
            "iconColor": self.color,
            "target": target(self.sql(), "table") | {"refId": "Anno"},
        }


Asking = Panel | Variable | Marks
"""Whatever on a board asks the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One board; panels flow from left to right and wrap at 24 columns. `span` is what it opens with."""

    uid: str
    title: str
    description: str
    panels: Sequence[Panel]
    variables: Sequence[Variable]
    marks: Sequence[Marks] = ()
    span: str = "now-15m"
    refresh: str = "10s"

    @property
    def asking(self) -> tuple[Asking, ...]:
        """All that asks the store."""
        return (*self.panels, *self.variables, *self.marks)

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
            "annotations": {"list": [marks.json() for marks in self.marks]},
            "links": [_TO_THE_OTHERS],
            "panels": [panel.json(i + 1, x, y) for i, (panel, x, y) in enumerate(_flow(self.panels))],
        }


_TO_THE_OTHERS = {
    "type": "dashboards",
    "title": "mailweir",
    "tags": ["mailweir"],
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
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


def target(sql: str, kind: str) -> Json:
    """A query as the data source stores it; `kind` is timeseries or table."""
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


def override(column: str, properties: list[Json]) -> Json:
    """What one column has of its own."""
    return {"matcher": {"id": "byName", "options": column}, "properties": properties}
