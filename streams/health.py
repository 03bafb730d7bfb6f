"""A worker's own page: /healthz (alive), /readyz (doing its work), /metrics (Prometheus text)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web
from mode import Service
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


class HealthPage(Service):
    """Serves on `host:port` while the worker runs; port 0 switches it off. `routes`: what else is served there."""

    def __init__(
        self,
        host: str,
        port: int,
        is_ready: Callable[[], bool],
        registry: CollectorRegistry,
        routes: Sequence[web.AbstractRouteDef] = (),
    ) -> None:
        super().__init__()
        self._host, self._port, self._is_ready, self._registry = host, port, is_ready, registry
        self._routes = routes
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        """Listen."""
        if not self._port:
            return
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                *self._routes,
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def on_stop(self) -> None:
        """Close the socket."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        is_ready = self._is_ready()
        return web.Response(text="ready\n" if is_ready else "starting\n", status=200 if is_ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
