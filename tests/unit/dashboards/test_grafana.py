"""The boards and alerts: committed files equal the code, every panel is complete, provisioning fits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.grafana.__main__ import HERE, generated, write
from dashboards.grafana.alerts import ALERTS
from dashboards.grafana.board import DATASOURCE, Dashboard, Panel
from dashboards.grafana.boards import DASHBOARDS
from dashboards.grafana.expanded import Seen, expanded
from dashboards.grafana.sql import grafana_sql
from dashboards.queries import FOLDER, QUERIES, parse_query
from schemas.errors import Misconfigured

PROVISIONING = HERE / "provisioning"
PANELS = [(board, panel) for board in DASHBOARDS for panel in board.panels]
SEEN = Seen(from_ms=0, to_ms=60_000, interval_s=5)


def test_the_committed_files_are_what_the_code_writes(tmp_path: Path) -> None:
    write(tmp_path)
    written = {path.relative_to(tmp_path): path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.*")}
    found = [*(HERE / "dashboards").glob("*.json"), *(PROVISIONING / "alerting").glob("*.yaml")]
    committed = {path.relative_to(HERE): path.read_text(encoding="utf-8") for path in found}
    assert written == committed == generated(), "run python -m dashboards.grafana"


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=[f"{board.uid}/{panel.title}" for board, panel in PANELS])
def test_a_panel_has_unit_description_query_an_empty_state_and_known_variables(board: Dashboard, panel: Panel) -> None:
    stored = panel.json(1, 0, 0)
    defaults = stored["fieldConfig"]["defaults"]
    assert panel.query in QUERIES
    assert defaults["unit"]
    assert defaults["noValue"] not in {"", "no data"}
    assert QUERIES[panel.query].question in stored["description"]
    sql = stored["targets"][0]["rawSql"]
    assert not re.search(r"(?<!\$)\{\w+:", sql), "a parameter was left"
    assert set(re.findall(r"\$\{(\w+)", sql)) <= {variable.name for variable in board.variables}
    assert not re.search(r"\b20\d\d-\d\d|now\(\)", sql), "the time belongs to the board"
    assert expanded(sql, SEEN)


def test_every_variable_of_a_board_narrows_some_panel_or_mark_of_it() -> None:
    for board in DASHBOARDS:
        asked = " ".join(item.sql() for item in board.asking)
        for variable in board.variables:
            assert f"${{{variable.name}:singlequote}}" in asked, f"{board.uid} does not use {variable.name}"


def test_links_lead_to_boards_that_have_the_variable() -> None:
    variables = {board.uid: {variable.name for variable in board.variables} for board in DASHBOARDS}
    links = [link for _, panel in PANELS for link in panel.links]
    assert links
    assert all(link.variable in variables[link.board] for link in links)


def test_a_panel_that_asks_the_same_question_twice_on_a_board_asks_it_of_something_else() -> None:
    for board in DASHBOARDS:
        asked = [panel.sql() for panel in board.panels]
        assert len(set(asked)) == len(asked), board.uid


@pytest.mark.parametrize("board", DASHBOARDS, ids=[board.uid for board in DASHBOARDS])
def test_panels_have_unique_ids_and_stay_on_the_grid_without_overlap(board: Dashboard) -> None:
    panels = board.json()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}
        assert not taken & cells
        taken |= cells


def test_boards_have_unique_ids_and_one_file_each() -> None:
    assert (
        len({board.uid for board in DASHBOARDS}) == len(DASHBOARDS) == len(list((HERE / "dashboards").glob("*.json")))
    )


def provisioned(kind: str, name: str = "mailweir.yaml") -> dict[str, Any]:
    loaded = yaml.safe_load((PROVISIONING / kind / name).read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_the_data_source_has_the_id_the_panels_name_and_no_secret_in_the_file() -> None:
    (source,) = provisioned("datasources")["datasources"]
    assert {"type": source["type"], "uid": source["uid"]} == DATASOURCE
    assert source["secureJsonData"]["password"] == "${CLICKHOUSE_PASSWORD}"
    assert not source["editable"]


def test_boards_are_provisioned_and_not_edited_in_the_browser() -> None:
    (provider,) = provisioned("dashboards")["providers"]
    assert provider["allowUiUpdates"] is False


def test_alert_rules_lie_beside_the_boards_they_point_at_and_name_no_variable_of_the_environment() -> None:
    text = (PROVISIONING / "alerting" / "rules.yaml").read_text(encoding="utf-8")
    assert "$" not in text, "Grafana would take it for the environment's"
    (group,) = provisioned("alerting", "rules.yaml")["groups"]
    (provider,) = provisioned("dashboards")["providers"]
    assert group["folder"] == provider["folder"]
    panels = {(board.uid, panel["id"]) for board in DASHBOARDS for panel in board.json()["panels"]}
    for rule, alert in zip(group["rules"], ALERTS, strict=True):
        question, threshold = rule["data"]
        assert (rule["dashboardUid"], rule["panelId"]) in panels
        assert (question["datasourceUid"], threshold["model"]["expression"]) == (DATASOURCE["uid"], "A")
        assert question["relativeTimeRange"]["from"] == alert.span_s
        columns = question["model"]["rawSql"].split("FROM", 1)[0]
        labels = re.findall(r"\.Labels\.(\w+)", rule["annotations"]["summary"])
        assert all(re.search(rf"\b{label}\b", columns) for label in labels)


def test_who_is_told_comes_from_the_environment_and_every_rule_reaches_them() -> None:
    (point,) = provisioned("alerting", "contact-points.yaml")["contactPoints"]
    assert [receiver["type"] for receiver in point["receivers"]] == ["webhook", "email"]
    assert all(re.fullmatch(r"\$\{ALERT_\w+\}", *receiver["settings"].values()) for receiver in point["receivers"])
    (policy,) = provisioned("alerting", "policies.yaml")["policies"]
    assert {policy["receiver"], *(route["receiver"] for route in policy["routes"])} == {point["name"]}


def test_the_documentation_lists_every_board_with_its_panels_and_every_alert() -> None:
    text = (FOLDER.parents[1] / "docs" / "grafana.md").read_text(encoding="utf-8")
    for board in DASHBOARDS:
        titles = "; ".join(dict.fromkeys(panel.title for panel in board.panels))
        choices = ", ".join(variable.label.lower() for variable in board.variables).replace(" ip", " IP")
        assert f"| {board.title.removeprefix('mailweir: ')} | {choices} | {titles} |" in text, board.uid
    for alert in ALERTS:
        assert f"| {alert.title} | `{alert.query}` | " in text, alert.uid


def test_a_value_that_would_need_escaping_is_refused() -> None:
    named = parse_query("q", "-- A?\n-- unit: x\nSELECT {key:String} LIMIT 1")
    assert grafana_sql(named, {"key": "a-b_c.d"}, {}).startswith("SELECT 'a-b_c.d'")
    with pytest.raises(Misconfigured, match="would need escaping"):
        grafana_sql(named, {"key": "x' OR 1=1"}, {})


def test_a_parameter_that_nobody_gives_is_named() -> None:
    named = parse_query("q", "-- A?\n-- unit: x\nSELECT {key:String} LIMIT 1")
    with pytest.raises(Misconfigured, match="q needs a value for key"):
        grafana_sql(named, {}, {})


def test_a_choice_with_a_quote_in_it_stays_a_text() -> None:
    named = parse_query("q", "-- A?\n-- unit: x\nSELECT {key:String} LIMIT 1")
    asked = grafana_sql(named, {}, {"key": "campaign"})
    seen = Seen(from_ms=0, to_ms=1, interval_s=1, chosen={"campaign": "a' OR ''='"})
    assert expanded(asked, seen) == "SELECT 'a\\' OR \\'\\'=\\'' LIMIT 1"
    with pytest.raises(Misconfigured, match="nothing is known of"):
        expanded("SELECT $__timeFilter(x)", seen)
