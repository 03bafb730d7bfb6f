"""Every board there is. The literal registry to add to."""

from __future__ import annotations

from dashboards.grafana.board import Dashboard
from dashboards.grafana.overview import OVERVIEW
from dashboards.grafana.segments import SEGMENTS

DASHBOARDS: tuple[Dashboard, ...] = (OVERVIEW, SEGMENTS)
