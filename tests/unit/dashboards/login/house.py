"""A console with a login over a fake store, as a browser or a script meets it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from dashboards.console.app import build_console
from dashboards.console.login.door import Door
from dashboards.console.login.hashes import password_hash, token_hash
from dashboards.console.login.passwords import Passwords
from dashboards.console.login.sessions import Sessions
from dashboards.console.login.users import Users
from tests.unit.dashboards.fakes import Clock, FakeStore
from tests.unit.dashboards.login.test_users import written

Browser = TestClient[Any, Any]
PASSWORD = "four quite plain words"
HASH = password_hash(PASSWORD)
TOKEN = "mailweir_a-token"
HOUR, MINUTE = 3_600_000, 60_000


def user(name: str, role: str = "operator", *tenants: str) -> dict[str, Any]:
    return {"name": name, "password": HASH, "role": role, "tenants": list(tenants) or ["*"]}


def script(name: str, role: str = "viewer", *tenants: str, token: str = TOKEN) -> dict[str, Any]:
    return {"name": name, "token": token_hash(token), "role": role, "tenants": list(tenants) or ["*"]}


def a_door(entries: Sequence[Any], clock: Clock, path: Path | None = None, **options: Any) -> Door:
    file = path or Path(tempfile.mkdtemp()) / "users.yaml"
    users = Users(written(file, *entries), clock)
    sessions = Sessions(12 * HOUR, HOUR)
    found = {"users": users, "passwords": Passwords(users, clock), "provider": None, "sessions": sessions}
    return Door(clock_ms=clock, **{**found, **options})


@asynccontextmanager
async def house(
    *entries: Any, clock: Clock | None = None, store: FakeStore | None = None, **options: Any
) -> AsyncIterator[Browser]:
    """Cookies are kept as by a browser, for the address 127.0.0.1."""
    clock = clock or Clock()
    more = {name: options.pop(name) for name in ("path", "proxies", "is_https", "provider") if name in options}
    app = build_console((store or FakeStore()).client, clock, door=a_door(entries, clock, **more), **options)
    jar = aiohttp.CookieJar(unsafe=True)
    async with TestClient(TestServer(app), cookie_jar=jar) as browser:
        yield browser


async def login(browser: Browser, name: str = "dana", password: str = PASSWORD, **headers: str) -> ClientResponse:
    return await browser.post("/api/login", json={"name": name, "password": password}, headers=headers)
