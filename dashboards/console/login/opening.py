"""Builds the door that a configuration asks for, and refuses to stand open to a network without one."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path

from dashboards.console.login.door import Door
from dashboards.console.login.oidc import Provider
from dashboards.console.login.passwords import Passwords
from dashboards.console.login.sessions import Sessions
from dashboards.console.login.users import Users
from schemas.config import Config
from schemas.errors import Misconfigured

_HOUR_MS, _MINUTE_MS = 3_600_000, 60_000


def door_of(config: Config, file: Path, host: str, clock_ms: Callable[[], int]) -> Door | None:
    """The door of a console that listens on `host`; None where none is needed. `file`: that of the configuration.

    Raises Misconfigured: an address of the network without a login, a file of users that cannot be read.
    """
    console = config.console
    if not console.has_login:
        if console.login != "proxy" and not _is_loopback(host):
            raise Misconfigured(
                f"the console would show everything to whoever reaches {host} (MAILWEIR_HOST): in {file} name a file of"
                " users (`console: {users: users.yaml}`) or an identity provider (`console: {oidc: ...}`), or say"
                " `console: {login: proxy}` where nobody gets to it but through a proxy with a login"
            )
        return None
    users = Users(file.parent / console.users, clock_ms) if console.users else None
    callback = f"{config.console_url}/login/callback"
    provider = Provider(console.oidc, callback, clock_ms) if console.oidc else None
    return Door(
        users=users,
        passwords=Passwords(users, clock_ms) if users else None,
        provider=provider,
        sessions=Sessions(round(console.session_hours * _HOUR_MS), round(console.idle_minutes * _MINUTE_MS)),
        clock_ms=clock_ms,
        is_https=config.console_url.startswith("https://"),
        proxies=console.proxies,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
