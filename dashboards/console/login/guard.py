"""The guard before every route: who asks, whether their role reaches, and that they see their tenants only.

It stands in one place, so no route can forget it; a route adds at most a line to `roles.py`.
"""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from dashboards.console.answers import refusal
from dashboards.console.login.door import Door
from dashboards.console.login.person import ANYBODY, Person, welcome
from dashboards.console.login.roles import least_role
from dashboards.console.scope import NOTHING, within


def login_guard(door: Door | None) -> Middleware:
    """401 for nobody (for a page the way to the login), 403 where the role does not reach. None: there is no login."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        least = least_role(request.method, resource.canonical if resource else request.path)
        if least is None:
            with within(NOTHING):
                return await handler(request)
        person = door.who(request) if door else ANYBODY
        if person is None:
            return _turn_away(request)
        if not person.role.reaches(least):
            return refusal(403, f"Your role is {person.role}; this needs the role {least}.")
        welcome(request, person, lambda: _is_still(door, request, person))
        with within(person.scope):
            return await handler(request)

    return guard


def _is_still(door: Door | None, request: web.Request, person: Person) -> bool:
    return door is None or door.who(request) == person


def _turn_away(request: web.Request) -> web.Response:
    if request.path.startswith("/api/") or request.method not in {"GET", "HEAD"}:
        response = refusal(401, "Log in first, at /login, or send a token that the file of users has.")
        response.headers["WWW-Authenticate"] = 'Bearer realm="mailweir"'
        return response
    back = "" if request.path == "/" else f"?to={quote(request.path_qs, safe='')}"
    return web.Response(status=303, headers={"Location": f"/login{back}", "Cache-Control": "no-store"})
