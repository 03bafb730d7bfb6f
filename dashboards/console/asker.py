"""Who asks: the one place where a request's name comes from."""

from __future__ import annotations

from aiohttp import web

from dashboards.console.login.person import speaker


def who(request: web.Request, said: str = "") -> str:
    """The name of the login; without one what was `said` in a body, or else in the header; "" for nothing."""
    return speaker(request, said or request.headers.get("Mailweir-Who", ""))
