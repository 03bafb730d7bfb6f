"""`/api/connectors`: every configured source, what came of it in the last week, and what of that failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from dashboards.console.answers import answering, reply
from dashboards.console.kept import Kept
from dashboards.console.scope import current
from dashboards.queries import BadParameterError
from dashboards.sources import SPAN_HOURS, told
from schemas.config import Config

HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class Connectors:
    """The route's handler. `clock_ms`: wall time."""

    kept: Kept
    config: Config
    clock_ms: Callable[[], int]

    def routes(self) -> list[web.RouteDef]:
        """The one path."""
        return [web.get("/api/connectors", answering(self.listed))]

    async def listed(self, request: web.Request) -> web.Response:
        """All sources, those that are not configured (any more) last. 400 for a parameter, 503 without a store."""
        for name in request.query:
            raise BadParameterError(f"no parameter {name[:40]!r} here; it answers for every source")
        rows = (await self.kept.fresh("sources", SPAN_HOURS * HOUR_S)).records()
        now = self.clock_ms()
        scope = current()
        found = [each for each in told(self.config, rows, now) if scope.has(each["tenant"])]
        return reply({"at_ms": now, "connectors": found})
