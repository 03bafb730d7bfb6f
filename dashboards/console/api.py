"""The console's HTTP routes that only read: named queries only, every refusal a sentence in JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from dashboards.console.answers import refusal, reply, sentence
from dashboards.console.hub import GZIP_HEAD, HouseFullError, packed
from dashboards.console.login.person import is_still_welcome
from dashboards.console.scope import current
from dashboards.console.store import ForPeople
from dashboards.console.watches import Watches
from dashboards.queries import QUERIES, BadParameterError, NamedQuery, UnknownQueryError, query
from schemas.errors import Transient

_MAX_SINCE_MINUTES = 7 * 24 * 60  # what the raw topics keep; older questions belong in a SQL client
_DEFAULT_SINCE_MINUTES = 15
_WRITE_TIMEOUT_S = 10.0  # a viewer whose socket takes nothing for this long is dropped
_RECONNECT_MS = 2000


@dataclass(frozen=True, slots=True)
class Api:
    """The routes' handlers and what they work with."""

    store: ForPeople
    watches: Watches
    registry: CollectorRegistry

    def routes(self) -> list[web.RouteDef]:
        """Everything below `/api` but decisions and segments, the two probes, the metrics."""
        return [
            web.get("/api/overview", self.overview),
            web.get("/api/queries", self.queries),
            web.get("/api/queries/{name}", self.answer),
            web.get("/api/stream", self.stream),
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    async def overview(self, _request: web.Request) -> web.Response:
        """Everything the page shows, once. 503 where too many others watch."""
        try:
            sampler = self.watches.of(current()).sampler
        except HouseFullError as error:
            return refusal(503, f"{error}.", 60)
        return reply(await sampler.overview())

    async def queries(self, _request: web.Request) -> web.Response:
        """What can be asked, and with which parameters."""
        return reply({"queries": [_described(named) for named in QUERIES.values()]})

    async def answer(self, request: web.Request) -> web.Response:
        """One named query. 404 unknown name, 400 bad parameter, 503 busy or no store."""
        try:
            named = query(request.match_info["name"])
            parameters = named.bind(_span(named, request.query, self.watches.now_ms()))
        except UnknownQueryError as error:
            return refusal(404, sentence(error))
        except BadParameterError as error:
            return refusal(400, f"{error}.")
        try:
            table = await self.store.run(named, parameters)
        except Transient as error:
            return refusal(503, sentence(error), error.retry_after_s)
        return reply({**_described(named), "columns": table.columns, "rows": table.rows})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: a message per changed panel, a pulse every two seconds; compressed for who takes gzip."""
        is_packed = "gzip" in request.headers.get("Accept-Encoding", "").lower()
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "Vary": "Accept-Encoding"}
        try:
            watch = self.watches.of(current())
            with watch.hub.join(request.headers.get("Last-Event-ID", "")) as mailbox:
                watch.hub.tell(mailbox, "pulse", watch.sampler.pulse())
                response = web.StreamResponse(headers=headers | ({"Content-Encoding": "gzip"} if is_packed else {}))
                await response.prepare(request)
                retry = f"retry: {_RECONNECT_MS}\n\n".encode()
                await response.write(GZIP_HEAD + packed(retry) if is_packed else retry)
                while (messages := await mailbox.take()) and is_still_welcome(request):
                    frames = b"".join([message.packed if is_packed else message.frame for message in messages])
                    await asyncio.wait_for(response.write(frames), _WRITE_TIMEOUT_S)
                return response
        except HouseFullError as error:
            return refusal(503, f"{error}.", 60)
        except (ConnectionError, TimeoutError):
            return response

    async def healthz(self, _request: web.Request) -> web.Response:
        """200 as long as the process answers."""
        return reply({"status": "ok"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """200 when the store answers, 503 with the reason when it does not."""
        sentence = await self.watches.everyone.sampler.check()
        return refusal(503, sentence) if sentence else reply({"status": "ok"})

    async def metrics(self, _request: web.Request) -> web.Response:
        """The console's own counters, for Prometheus."""
        return web.Response(body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _described(named: NamedQuery) -> dict[str, Any]:
    parameters = [{"name": p.name, "type": p.type, "default": p.default} for p in named.parameters]
    return {"name": named.name, "question": named.question, "unit": named.unit, "parameters": parameters}


def _span(named: NamedQuery, given: Mapping[str, str], now_ms: int) -> dict[str, str]:
    """The caller's parameters with `since_minutes` turned into `from_ms` and `to_ms`. Raises BadParameterError."""
    asked = dict(given)
    minutes = asked.pop("since_minutes", None)
    if "from_ms" not in {parameter.name for parameter in named.parameters}:
        if minutes is not None:
            raise BadParameterError(f"{named.name} has no time span; leave out since_minutes")
        return asked
    if minutes is not None and {"from_ms", "to_ms"} & set(asked):
        raise BadParameterError("give either since_minutes or from_ms and to_ms, not both")
    if not (minutes or str(_DEFAULT_SINCE_MINUTES)).isdecimal():
        raise BadParameterError(f"since_minutes: expected a whole number, got {str(minutes)[:40]!r}")
    number = int(minutes or _DEFAULT_SINCE_MINUTES)
    if not 1 <= number <= _MAX_SINCE_MINUTES:
        raise BadParameterError(f"since_minutes: {number} is outside 1 to {_MAX_SINCE_MINUTES}")
    return {"from_ms": str(now_ms - number * 60_000), "to_ms": str(now_ms), **asked}
