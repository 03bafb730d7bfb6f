"""The console as a browser reads it, over a store, at a fixed hour."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from dashboards.console.app import build_console
from sinks.clickhouse import connect

NOW = 1_760_000_000_000  # what the tests insert happened in the minutes before


@asynccontextmanager
async def console(url: str) -> AsyncIterator[TestClient[Any, Any]]:
    app = build_console(lambda: connect(url), lambda: NOW)
    async with TestClient(TestServer(app)) as browser:
        yield browser
