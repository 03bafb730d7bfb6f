"""The boards: committed JSON equals the code, every panel is complete, provisioning fits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.grafana.__main__ import FOLDER, rendered, write
from dashboards.grafana.board import DATASOURCE, Dashboard, Panel
from dashboards.grafana.boards import DASHBOARDS
from dashboards.grafana.sql import grafana_sql
from dashboards.queries import QUERIES, parse_query
from schemas.errors import Misconfigured

PROVISIONING = FOLDER.parent / "provisioning"
PANELS = [(board, panel) for board in DASHBOARDS for panel in board.panels]


def test_the_committed_json_is_what_the_code_writes(tmp_path: Path) -> None:
    write(tmp_path)
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.json")} == committed, (
        "run python -m dashboards.grafana"
    )


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=[panel.title for _, panel in PANELS])
def test_a_panel_has_unit_description_query_and_known_variables(board: Dashboard, panel: Panel) -> None:
    stored = panel.json(1, 0, 0)
    assert panel.query in QUERIES
    assert stored["fieldConfig"]["defaults"]["unit"]
    assert QUERIES[panel.query].question in stored["description"]
    sql = stored["targets"][0]["rawSql"]
    assert not re.search(r"(?<!\$)\{\w+:", sql), "a parameter was left"
    assert set(re.findall(r"\$\{(\w+)", sql)) <= {variable.name for variable in board.variables}
    assert not re.search(r"\b20\d\d-\d\d|now\(\)", sql), "the time belongs to the board"


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
    assert len({board.uid for board in DASHBOARDS}) == len(DASHBOARDS) == len(list(FOLDER.glob("*.json")))
    assert all(rendered(board).endswith("}\n") for board in DASHBOARDS)


def provisioned(kind: str) -> dict[str, Any]:
    loaded = yaml.safe_load((PROVISIONING / kind / "mailweir.yaml").read_text(encoding="utf-8"))
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


def test_a_value_that_would_need_escaping_is_refused() -> None:
    named = parse_query("q", "-- A?\n-- unit: x\nSELECT {key:String} LIMIT 1")
    assert grafana_sql(named, {"key": "a-b_c.d"}).startswith("SELECT 'a-b_c.d'")
    with pytest.raises(Misconfigured, match="would need escaping"):
        grafana_sql(named, {"key": "x' OR 1=1"})


def test_a_parameter_that_nobody_gives_is_named() -> None:
    named = parse_query("q", "-- A?\n-- unit: x\nSELECT {key:String} LIMIT 1")
    with pytest.raises(Misconfigured, match="q needs a value for key"):
        grafana_sql(named, {})
