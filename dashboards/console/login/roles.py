"""The least role of every route: the literal table to add to.

A route that is not in it is for viewers if it only reads (GET) and for operators otherwise, and a test fails until it
is. What is posted only because an address must not stand in a URL is reading, too.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.console import Role

Route = tuple[str, str]

OPEN: frozenset[Route] = frozenset({
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"),  # for machines; they say nothing of mail
    ("GET", "/static"), ("GET", "/report.css"),  # style and scripts, the same for everybody
    ("GET", "/login"), ("GET", "/login/oidc"), ("GET", "/login/callback"), ("GET", "/api/login"),
    ("POST", "/api/login"), ("POST", "/api/logout"),
})  # fmt: skip

ROUTES: Mapping[Route, Role] = {
    ("GET", "/"): Role.VIEWER,
    ("GET", "/segments"): Role.VIEWER,
    ("GET", "/campaigns"): Role.VIEWER,
    ("GET", "/campaigns/{id}"): Role.VIEWER,
    ("GET", "/api/me"): Role.VIEWER,
    ("GET", "/api/openapi.json"): Role.VIEWER,
    ("GET", "/api/overview"): Role.VIEWER,
    ("GET", "/api/queries"): Role.VIEWER,
    ("GET", "/api/queries/{name}"): Role.VIEWER,
    ("GET", "/api/stream"): Role.VIEWER,
    ("GET", "/api/decisions"): Role.VIEWER,
    ("GET", "/api/decisions/{id}"): Role.VIEWER,
    ("POST", "/api/decisions/{id}/approve"): Role.OPERATOR,
    ("POST", "/api/decisions/{id}/reject"): Role.OPERATOR,
    ("POST", "/api/decisions/{id}/revert"): Role.OPERATOR,
    ("GET", "/api/campaigns"): Role.VIEWER,
    ("GET", "/api/campaigns/{id}"): Role.VIEWER,
    ("GET", "/connectors"): Role.VIEWER,
    ("GET", "/api/connectors"): Role.VIEWER,
    ("GET", "/dead-letters"): Role.VIEWER,
    ("GET", "/api/dead-letters"): Role.VIEWER,
    ("GET", "/api/dead-letters/{id}"): Role.OPERATOR,  # has the original, and addresses in it
    ("POST", "/api/dead-letters/replay"): Role.OPERATOR,
    ("GET", "/api/segments"): Role.VIEWER,
    ("GET", "/api/segments/{id}"): Role.VIEWER,
    ("GET", "/api/segments/{id}/explain"): Role.VIEWER,
    ("POST", "/api/segments/{id}/explain"): Role.VIEWER,
    ("POST", "/api/segments/explain"): Role.VIEWER,
    ("POST", "/api/segments/preview"): Role.VIEWER,
    ("GET", "/keys"): Role.VIEWER,
    ("GET", "/api/keys"): Role.VIEWER,
    ("GET", "/api/keys/replies"): Role.VIEWER,
    ("GET", "/api/keys/events"): Role.VIEWER,
    ("GET", "/recipients"): Role.VIEWER,
    ("GET", "/api/recipients/{key}"): Role.VIEWER,
    ("GET", "/api/recipients/{key}/timeline"): Role.VIEWER,
    ("GET", "/api/recipients/{key}/standing"): Role.VIEWER,
    ("POST", "/api/recipients"): Role.VIEWER,
    ("POST", "/api/recipients/timeline"): Role.VIEWER,
    ("POST", "/api/recipients/standing"): Role.VIEWER,
}


def least_role(method: str, path: str) -> Role | None:
    """The role that a route asks for at least; None: it is open. `path`: as it was registered."""
    route = ("GET" if method == "HEAD" else method, path)
    if route in OPEN:
        return None
    return ROUTES.get(route, Role.VIEWER if route[0] == "GET" else Role.OPERATOR)
