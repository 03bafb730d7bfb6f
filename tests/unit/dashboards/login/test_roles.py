"""Every route has a role, and every role what it says."""

from __future__ import annotations

import pytest

from dashboards.console.app import build_console
from dashboards.console.login.roles import OPEN, ROUTES, least_role
from schemas.console import Role
from tests.unit.dashboards.fakes import Clock, FakeStore
from tests.unit.dashboards.login.house import a_door


def routes() -> set[tuple[str, str]]:
    """Of the whole console, login included."""
    app = build_console(FakeStore().client, Clock(), door=a_door([], Clock()))
    found = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource}
    return {(method, path) for method, path in found if method != "HEAD"}


def test_every_route_has_a_role_or_is_open_and_none_is_listed_that_is_not_there() -> None:
    listed = OPEN | set(ROUTES)
    assert not routes() - listed, "say in dashboards/console/login/roles.py who may use these"
    assert not listed - routes(), "these are in dashboards/console/login/roles.py, and nowhere else"
    assert not OPEN & set(ROUTES)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_what_those_before_it_may(role: Role) -> None:
    assert [role.reaches(least) for least in Role] == [place <= list(Role).index(role) for place in range(3)]


def test_a_route_that_nobody_has_listed_is_not_open() -> None:
    assert least_role("GET", "/api/new") is Role.VIEWER
    assert least_role("HEAD", "/api/new") is Role.VIEWER
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert least_role(method, "/api/new") is Role.OPERATOR
