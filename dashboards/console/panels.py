"""The live panels of the page: which query, how often, over how long. The literal registry to add to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboards.queries import NamedQuery, query

_MINUTE_S = 60
_DAY_S = 86_400
LIVE_SPAN_S = 15 * _MINUTE_S
_SCORED_SPAN_S = 6 * 60 * _MINUTE_S  # a paused campaign has no new score; keep it in sight for a working day's half


@dataclass(frozen=True, slots=True)
class Panel:
    """One query kept fresh every `every_s` seconds over the last `span_s` seconds."""

    query: str
    every_s: float
    span_s: int = LIVE_SPAN_S
    parameters: Mapping[str, str] = field(default_factory=dict)

    def named(self) -> NamedQuery:
        """The query behind the panel."""
        return query(self.query)

    def bind(self, now_ms: int) -> dict[str, int | str]:
        """The query's parameters for the span that ends at `now_ms`."""
        named = self.named()
        span = {"from_ms": str(now_ms - self.span_s * 1000), "to_ms": str(now_ms)}
        wanted = {parameter.name for parameter in named.parameters}
        return named.bind({**{k: v for k, v in span.items() if k in wanted}, **self.parameters})


PANELS: tuple[Panel, ...] = (
    Panel("event_rates", 2.0, parameters={"bucket_s": "5"}),
    Panel("totals", 2.0),
    Panel("scores", 1.5, span_s=_SCORED_SPAN_S, parameters={"limit": "30"}),
    Panel("score_trends", 5.0),
    Panel("campaign_states", 1.5),
    Panel("decisions", 2.0, span_s=_DAY_S, parameters={"limit": "40"}),
    Panel("mailbox_providers", 4.0),
    Panel("refusals", 4.0),
    Panel("dead_letters_by_code", 4.0, span_s=_DAY_S),
    Panel("dead_letters_latest", 4.0, span_s=_DAY_S),
    Panel("pipeline", 2.0),
)
