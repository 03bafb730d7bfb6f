"""Puts the console together: page, API, live stream, probes. Nothing runs before the application starts.

    guards: known host, own page, who asks and whose rows they see -> every route
    store (threads) <- sampler (one query per panel) -> hub (newest message per panel) -> viewers, by scope
    a person's word -> rulings -> the log
    a person's question -> store, a few at a time

The pages (`pages.py`) are plain HTML in `html/`, with CSS and ES modules in `static/`, uPlot and one font vendored with
their licences.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry

from dashboards.console import openapi
from dashboards.console.api import Api
from dashboards.console.campaigns import Campaigns
from dashboards.console.connectors import Connectors
from dashboards.console.dead_letters import DeadLetters, Replays
from dashboards.console.decisions import Decisions
from dashboards.console.etags import with_etags
from dashboards.console.hub import MAX_VIEWERS
from dashboards.console.kept import Kept
from dashboards.console.keys import Keys
from dashboards.console.login.door import Door
from dashboards.console.login.guard import login_guard
from dashboards.console.login.ways_in import WaysIn
from dashboards.console.looks import Looks, Note
from dashboards.console.metrics import LoginMetrics, RulingMetrics
from dashboards.console.pages import HTML, page_routes
from dashboards.console.panels import PANELS, Panel
from dashboards.console.recipients import Recipients
from dashboards.console.rulings import Append, Rulings
from dashboards.console.security import add_headers, host_guard, same_origin_guard
from dashboards.console.segment_questions import SegmentQuestions
from dashboards.console.segments import Segments
from dashboards.console.store import ForPeople, Store, StoreClient
from dashboards.console.watches import Watches
from dashboards.segments.rules import RuleFiles
from schemas.config import Config
from streams.core.reputation.delay import CAMPAIGN_DELAY, DelayCurve

STATIC = Path(__file__).with_name("static")
SAMPLING: web.AppKey[asyncio.Task[None]] = web.AppKey("sampling", asyncio.Task)
"""The sampler's task: it ends only by being cancelled, or by a defect of ours."""


class _Routed(Protocol):
    """What answers some paths; an object, or a module."""

    def routes(self) -> list[web.RouteDef]:
        """Its paths."""


def build_console(
    client_factory: Callable[[], StoreClient],
    clock_ms: Callable[[], int],
    *,
    config: Config | None = None,
    rules: RuleFiles | None = None,
    append: Append | None = None,
    note: Note | None = None,
    replays: Replays | None = None,
    gateway_url: str = "",
    panels: Sequence[Panel] = PANELS,
    max_viewers: int = MAX_VIEWERS,
    trusted_hosts: Collection[str] = (),
    door: Door | None = None,
    delay: DelayCurve = CAMPAIGN_DELAY,
) -> web.Application:
    """The console as an aiohttp application.

    `client_factory` is called in worker threads and may block or raise; `clock_ms` is wall time in epoch milliseconds;
    `config` has the tenants, with the secrets of their recipients' keys; `rules` are the files of segments (None: none
    are configured); `append` writes rulings to the log (None: none are taken), `note` who looks at a recipient (None:
    none is shown), `replays` processes dead letters again (None: it does not); `gateway_url` tells newcomers where to
    post webhooks; `trusted_hosts` are names a reverse proxy on this machine may use (loopback names always work);
    `door`: how people log in (None: nobody has to); `delay` is how late complaints come.
    """
    trusted, registry = frozenset(trusted_hosts), CollectorRegistry()
    guards = [host_guard(trusted), same_origin_guard(trusted), login_guard(door)]
    app = web.Application(middlewares=[*guards, with_etags])
    app.on_response_prepare.append(add_headers)
    app.add_routes(page_routes())
    app.router.add_static("/static", STATIC)

    store = Store(client_factory)
    watches = Watches(panels, store, clock_ms, gateway_url, max_viewers)
    rulings = Rulings(store, append, clock_ms, RulingMetrics(registry))
    people = ForPeople(store)
    kept, configured = Kept(people, clock_ms), config or Config()
    segments = Segments(kept, rules, clock_ms)
    answering: tuple[_Routed, ...] = (
        WaysIn(door, HTML / "login.html", LoginMetrics(registry)),
        Api(people, watches, registry),
        segments,
        SegmentQuestions(people, segments, configured, clock_ms),
        Campaigns(people, clock_ms, delay),
        Recipients(people, configured, Looks(note, clock_ms), clock_ms),
        Keys(kept, configured, clock_ms),
        Connectors(kept, configured, clock_ms),
        DeadLetters(people, replays, clock_ms),
        Decisions(store, rulings, clock_ms),
        openapi,
    )
    app.add_routes([route for each in answering for route in each.routes()])
    _live(app, watches, store)
    return app


def _live(app: web.Application, watches: Watches, store: Store) -> None:
    """Let sampling begin and end with the application, and open streams end first."""

    async def parts(app: web.Application) -> AsyncIterator[None]:
        app[SAMPLING] = asyncio.create_task(watches.everyone.sampler.run())
        yield
        app[SAMPLING].cancel()
        with suppress(asyncio.CancelledError):
            await app[SAMPLING]
        await watches.stop()
        await asyncio.to_thread(store.close)

    async def end_streams(_app: web.Application) -> None:
        watches.close()

    app.on_shutdown.append(end_streams)
    app.cleanup_ctx.append(parts)
