"""Headers that keep the page to itself, and guards against other sites that reach for the console.

A browser can be led to resolve a stranger's name to 127.0.0.1 (DNS rebinding) and would then read this API with
that name in `Host`; so a connection that arrives on loopback must name loopback, or a host the operator trusts.
A browser can also be led to post to the console from a stranger's page; so what changes something must come as
JSON (which a page of another origin cannot send unasked) and from a page of the console, by `Sec-Fetch-Site`
(W3C Fetch Metadata) or, where a browser does not send that, by `Origin`; and under an address or a trusted name,
since a rebound name would be of one origin with the stranger's page. With that, and a session's cookie that is
`SameSite=Lax`, a token in every form would add nothing: no GET changes anything, and what is posted is refused twice
before the cookie counts (OWASP's Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata headers").
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from dashboards.console.answers import refusal

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


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


def same_origin_guard(trusted_hosts: Collection[str]) -> Middleware:
    """Refuse what changes something unless it is JSON (415), comes from the console's own page or no page (403), and,
    from a browser, under a name that cannot be rebound (421).
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method in _SAFE:
            return await handler(request)
        if not _is_same_origin(request, trusted_hosts):
            return refusal(403, "This request comes from another site; only the console's own page may send it.")
        if _is_browser(request) and not _is_known(_host_name(request.host), trusted_hosts):
            name = _host_name(request.host)[:80]
            return refusal(421, f"This console does not know the name {name!r}; add it to MAILWEIR_CONSOLE_HOSTS.")
        if request.content_type != "application/json":
            return refusal(415, f"Send JSON with Content-Type: application/json, not {request.content_type[:80]!r}.")
        return await handler(request)

    return guard


def _is_browser(request: web.Request) -> bool:
    return "Origin" in request.headers or "Sec-Fetch-Site" in request.headers


def _is_known(name: str, trusted_hosts: Collection[str]) -> bool:
    """An address, this machine, or a name the operator trusts: what no stranger's DNS can point elsewhere."""
    if _is_loopback(name) or name in trusted_hosts:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same_origin(request: web.Request, trusted_hosts: Collection[str]) -> bool:
    """Without either header the caller is no browser, and has nobody's credentials to abuse."""
    origin = request.headers.get("Origin")
    if origin and _host_name(urlsplit(origin).netloc) in trusted_hosts:
        return True
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}  # none: the person's own doing, no page's
    return origin is None or urlsplit(origin).netloc.lower() == request.host.lower()


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
