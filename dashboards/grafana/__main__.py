"""`python -m dashboards.grafana`: write every board and the alert rules to where Grafana is provisioned from."""

from __future__ import annotations

import json
from pathlib import Path

from dashboards.grafana import alerting
from dashboards.grafana.board import Dashboard
from dashboards.grafana.boards import DASHBOARDS

HERE = Path(__file__).parent
BOARDS, ALERTING = Path("dashboards"), Path("provisioning") / "alerting"


def rendered(board: Dashboard) -> str:
    """The board's file content: stable, so that a diff shows what changed."""
    return json.dumps(board.json(), indent=2, ensure_ascii=False) + "\n"


def generated() -> dict[Path, str]:
    """Every generated file by its path below `dashboards/grafana`."""
    boards = {BOARDS / f"{board.uid}.json": rendered(board) for board in DASHBOARDS}
    return boards | {ALERTING / name: text for name, text in alerting.files().items()}


def write(folder: Path = HERE) -> None:
    """Write them below `folder`."""
    for path, text in generated().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
