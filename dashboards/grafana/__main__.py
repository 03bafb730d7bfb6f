"""`python -m dashboards.grafana`: write every board to `dashboards/grafana/dashboards/<uid>.json`."""

from __future__ import annotations

import json
from pathlib import Path

from dashboards.grafana.board import Dashboard
from dashboards.grafana.boards import DASHBOARDS

FOLDER = Path(__file__).with_name("dashboards")


def rendered(board: Dashboard) -> str:
    """The board's file content: stable, so that a diff shows what changed."""
    return json.dumps(board.json(), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write every board into `folder`."""
    for board in DASHBOARDS:
        (folder / f"{board.uid}.json").write_text(rendered(board), encoding="utf-8")


if __name__ == "__main__":
    write()
