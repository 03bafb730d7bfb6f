"""Every board there is. The literal registry to add to."""

from __future__ import annotations

from dashboards.grafana.board import Dashboard
from dashboards.grafana.bounces import BOUNCES
from dashboards.grafana.campaign import CAMPAIGN_BOARD
from dashboards.grafana.decisions import DECISIONS_BOARD
from dashboards.grafana.health import HEALTH
from dashboards.grafana.overview import OVERVIEW
from dashboards.grafana.providers import PROVIDERS
from dashboards.grafana.segments import SEGMENTS
from dashboards.grafana.senders import SENDERS

DASHBOARDS: tuple[Dashboard, ...] = (
    OVERVIEW, PROVIDERS, SENDERS, CAMPAIGN_BOARD, BOUNCES, SEGMENTS, DECISIONS_BOARD, HEALTH
)  # fmt: skip
