"""Headers that keep the page to itself, and a guard against other sites reaching a console on loopback.

A browser can be led to resolve a stranger's name to 127.0.0.1 (DNS rebinding) and would then read this API with
that name in `Host`; so a connection that arrives on loopback must name loopback, or a host the operator trusts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from dashboards.console.api import refusal

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """A signal for `on_response_prepare`: refusals and streams get the headers too."""
    response.headers.update(HEADERS)


def host_guard(trusted_hosts: Collection[str]) -> Middleware:
    """Refuse requests that came by loopback under a foreign name with 421."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = _host_name(request.host)
        if _came_by_loopback(request) and not _is_loopback(name) and name not in trusted_hosts:
            return refusal(421, f"This console does not answer to the name {name[:80]!r}; open it as localhost.")
        return await handler(request)

    return guard


def _host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _came_by_loopback(request: web.Request) -> bool:
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    return isinstance(sockname, tuple) and _is_loopback(str(sockname[0]))


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
