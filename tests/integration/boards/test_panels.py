"""Every panel, variable and mark on every scenario: it runs, has rows where it must, and columns of its kind."""

from __future__ import annotations

from datetime import datetime
from numbers import Real
from typing import Any

import pytest

from dashboards.grafana.board import EVERY, Dashboard, Marks, Panel, Variable
from dashboards.grafana.boards import DASHBOARDS
from dashboards.grafana.expanded import expanded
from streams.simulator.fleet import FLEET
from streams.simulator.scenarios import SCENARIOS
from tests.integration.boards.conftest import Told

PANELS = [(board, panel) for board in DASHBOARDS for panel in board.panels]
VARIABLES = list({variable.name: variable for board in DASHBOARDS for variable in board.variables}.values())
MARKS = [(board, marks) for board in DASHBOARDS for marks in board.marks]
NEVER_SHOWN = (("Variants", "the simulated senders name no variant; test_made_rows.py has some"),)
each_panel = pytest.mark.parametrize(
    ("board", "panel"), PANELS, ids=[f"{board.uid}/{panel.title}" for board, panel in PANELS]
)
Rows = list[dict[str, Any]]


def ask(told: Told, sql: str, **chosen: str) -> tuple[tuple[str, ...], Rows]:
    text = expanded(sql, told.seen(**chosen))
    found = told.client.query(text)
    columns = tuple(found.column_names)
    if not columns:  # an answer without rows names none
        columns = tuple(row[0] for row in told.client.query(f"DESCRIBE TABLE ({text})").result_rows)
    return columns, [dict(zip(columns, row, strict=True)) for row in found.result_rows]


@each_panel
def test_a_panel_has_rows_in_the_scenarios_it_names_and_columns_of_its_kind(
    told: Told, board: Dashboard, panel: Panel
) -> None:
    columns, rows = ask(told, panel.sql())
    assert rows or told.scenario not in panel.rows_in, f"{panel.query} is empty in {told.scenario}"
    assert {*panel.hidden, *panel.units, *(link.column for link in panel.links)} <= set(columns)
    for column in panel.units:
        assert all(is_number(row[column]) for row in rows), column
    if panel.kind == "timeseries":
        check_series(columns, rows)
    elif panel.kind == "stat":
        assert len(rows) == 1
        assert all(is_number(value) or isinstance(value, datetime) for value in rows[0].values())
    elif panel.kind == "barchart":
        assert all(isinstance(row[panel.options["xField"]], str) for row in rows)
        shown = [column for column in columns if column not in panel.hidden]
        assert any(all(is_number(row[column]) for row in rows) for column in shown)


def is_number(value: object) -> bool:
    return value is None or (isinstance(value, Real) and not isinstance(value, bool))


def check_series(columns: tuple[str, ...], rows: Rows) -> None:
    """A rising time, labels in front, numbers behind; some number is there."""
    assert columns[0] == "time"
    times = [row["time"] for row in rows]
    assert all(isinstance(at, datetime) for at in times)
    assert times == sorted(times)
    labels = [name for name in columns[1:] if any(isinstance(row[name], str) for row in rows)]
    values = [name for name in columns[1:] if name not in labels]
    assert not rows or values
    assert all(is_number(row[name]) for row in rows for name in values)
    assert not rows or any(row[name] is not None for row in rows for name in values)
    points = {(row["time"], *(row[label] for label in labels)) for row in rows}
    assert len(points) == len(rows), "two points of one line at one time"


def test_every_panel_is_shown_by_some_scenario_or_its_reason_stands_here() -> None:
    assert {panel.title for _, panel in PANELS if not panel.rows_in} == {title for title, _ in NEVER_SHOWN}
    assert set(EVERY) == {scenario.name for scenario in SCENARIOS}
    named = [panel.rows_in for _, panel in PANELS] + [marks.rows_in for _, marks in MARKS]
    assert all(set(rows_in) <= set(EVERY) for rows_in in named)


@each_panel
def test_a_tenant_that_has_nothing_is_shown_nothing_of_others(told: Told, board: Dashboard, panel: Panel) -> None:
    whole_store = {"rows_stored", "dead_letters", "newest_batch_at", "share_of_delivered"}
    for row in ask(told, panel.sql(), tenant="nobody")[1]:
        assert not any(value for column, value in row.items() if column not in whole_store), panel.query


@pytest.mark.parametrize("variable", VARIABLES, ids=[variable.name for variable in VARIABLES])
def test_a_variable_offers_what_the_senders_have(told: Told, variable: Variable) -> None:
    columns, rows = ask(told, variable.sql())
    offered = {row[columns[0]] for row in rows}
    assert len(columns) == 1
    assert all(isinstance(each, str) and each for each in offered)
    known = {
        "tenant": {sender.tenant for sender in FLEET},
        "campaign": {campaign.name for sender in FLEET for campaign in sender.campaigns},
        "ip": {ip for sender in FLEET for ip in sender.ips},
        "domain": {campaign.domain for sender in FLEET for campaign in sender.campaigns},
        "provider": {"gmail", "microsoft"},
        "segment": {"vip", "reached-lately"},
    }
    assert known[variable.name] <= offered


def test_a_choice_narrows_a_board_to_what_was_chosen(told: Told) -> None:
    panel = next(panel for _, panel in PANELS if panel.title == "Campaigns")
    (row,) = ask(told, panel.sql(), campaign="daily-briefing", tenant="harbour")[1]
    assert row["campaign_id"] == "daily-briefing"
    assert not ask(told, panel.sql(), campaign="daily-briefing", tenant="atelier")[1]
    assert not ask(told, panel.sql(), campaign="x' OR 1=1 --")[1]


@pytest.mark.parametrize(("board", "marks"), MARKS, ids=[board.uid for board, _ in MARKS])
def test_marks_have_a_time_and_words_where_something_was_decided(told: Told, board: Dashboard, marks: Marks) -> None:
    columns, rows = ask(told, marks.sql())
    assert columns == ("time", "title", "text", "tags")
    assert bool(rows) == (told.scenario in marks.rows_in)
    assert all(isinstance(row["time"], datetime) and row["title"] and row["text"] for row in rows)
