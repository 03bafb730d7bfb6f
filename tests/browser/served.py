"""The console as `mailweir console` serves it: the real application over HTTP on loopback, at an hour that is set."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp.test_utils import TestServer

from dashboards.console.app import build_console
from sinks.clickhouse import connect
from tests.browser.mail import NOW
from tests.integration.store_process import StoreProcess


@asynccontextmanager
async def serving(store: StoreProcess, clock: Callable[[], int] = lambda: NOW, **options: Any) -> AsyncIterator[str]:
    """The address of a console over the store; `options` are those of `build_console`."""
    app = build_console(lambda: connect(store.url), clock, gateway_url="http://127.0.0.1:8610", **options)
    async with TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}"
