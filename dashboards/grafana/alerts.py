"""Every alert rule there is: a named query, a limit, how long it must hold, and what to tell a person.

The detectors act in seconds and on evidence; these rules are for people who are not looking, also for when the
detectors themselves stand still. `fires_in`: the demo's scenarios in which a rule must fire; in others it must not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dashboards.grafana.board import Dashboard
from dashboards.grafana.campaign import CAMPAIGN_BOARD
from dashboards.grafana.health import HEALTH
from dashboards.grafana.overview import OVERVIEW
from dashboards.grafana.providers import PROVIDERS
from dashboards.grafana.sql import alert_sql
from dashboards.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`query` answers with one number a row; the other columns are texts and become labels.

    It fires for a row beyond `limit` (`side`) that stays so for `hold`. `span_s`: over how long it is asked.
    `summary` may name labels as `{{ .Labels.tenant }}`. `panel` of `board`: where to look.
    """

    uid: str
    title: str
    query: str
    side: Literal["gt", "lt"]
    limit: float
    span_s: int
    hold: str
    severity: Literal["page", "warn"]
    summary: str
    board: Dashboard
    panel: str
    fires_in: Sequence[str] = ()

    def sql(self, span_s: int = 0) -> str:
        """What is asked, over the last `span_s` seconds (its own span without)."""
        return alert_sql(query(self.query), {}, span_s or self.span_s)

    @property
    def panel_id(self) -> int:
        """The panel's id on its board. Raises StopIteration if it is not there."""
        return next(place for place, panel in enumerate(self.board.panels, 1) if panel.title == self.panel)


_CAMPAIGN = "Campaign {{ .Labels.campaign }} of {{ .Labels.tenant }}: "

ALERTS: tuple[Alert, ...] = (
    Alert(
        uid="mailweir-bounces",
        title="Bounces of a campaign",
        query="alert_bounces",
        side="gt",
        limit=0.08,
        span_s=3_600,
        hold="5m",
        severity="page",
        summary=_CAMPAIGN + "more than 8 % of what was settled in the last hour bounced for good.",
        board=CAMPAIGN_BOARD,
        panel="Bad addresses, refusals, deferrals, complaints",
        fires_in=("bad-list",),
    ),
    Alert(
        uid="mailweir-complaints",
        title="Complaints about a campaign",
        query="alert_complaints",
        side="gt",
        limit=0.003,
        span_s=86_400,
        hold="5m",
        severity="page",
        summary=_CAMPAIGN + "more than 0.3 % of the last day's mail was complained about.",
        board=CAMPAIGN_BOARD,
        panel="Complaints by age of the mail",
    ),
    Alert(
        uid="mailweir-deferrals",
        title="A mailbox provider puts off much more than before",
        query="alert_deferrals",
        side="gt",
        limit=3,
        span_s=900,
        hold="5m",
        severity="warn",
        summary="{{ .Labels.provider }} puts off three times as much mail of {{ .Labels.tenant }} as the day before.",
        board=PROVIDERS,
        panel="Put off",
    ),
    Alert(
        uid="mailweir-scores",
        title="A score is low",
        query="alert_scores",
        side="lt",
        limit=60,
        span_s=900,
        hold="0s",
        severity="warn",
        summary="The score of {{ .Labels.kind }} {{ .Labels.key }} ({{ .Labels.tenant }}) is below 60.",
        board=OVERVIEW,
        panel="Reputation",
        fires_in=("bad-list",),
    ),
    Alert(
        uid="mailweir-dead-letters",
        title="Records cannot be processed",
        query="alert_dead_letters",
        side="gt",
        limit=20,
        span_s=900,
        hold="0s",
        severity="warn",
        summary="More than 20 records could not be processed in the last 15 minutes; the originals are kept.",
        board=HEALTH,
        panel="Dead letters by reason",
        fires_in=("flaky",),
    ),
    Alert(
        uid="mailweir-event-age",
        title="No mail event has come for long",
        query="alert_event_age",
        side="gt",
        limit=900,
        span_s=3_600,
        hold="5m",
        severity="page",
        summary="The newest stored mail event is older than 15 minutes: do the senders post, and does the sink run?",
        board=HEALTH,
        panel="Received a second",
    ),
    Alert(
        uid="mailweir-sink-lag",
        title="Events wait for their row",
        query="alert_sink_lag",
        side="gt",
        limit=60,
        span_s=900,
        hold="5m",
        severity="warn",
        summary="Events of the last 15 minutes took more than a minute from the webhook to their row.",
        board=HEALTH,
        panel="Webhook to row",
        fires_in=("flaky",),
    ),
)
