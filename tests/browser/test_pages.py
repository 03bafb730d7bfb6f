"""Every page, light, dark and on a phone: it draws what is stored, keeps to itself, and everyone can read it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp import web
from playwright.async_api import expect

from dashboards.console.app import build_console
from tests.browser.pages import PAGES, Place
from tests.browser.visit import DARK, DARK_PHONE, LIGHT, PHONE, Visit
from tests.unit.dashboards.fakes import Clock, FakeStore

pytestmark = pytest.mark.asyncio(loop_scope="session")


NO_PAGES = ("/api/", "/static", "/report.css", "/healthz", "/readyz", "/metrics")


def routes_of_pages(app: web.Application) -> set[str]:
    """What people open: all that is got, but data, files and probes."""
    routes = {route.resource.canonical for route in app.router.routes() if route.resource and route.method == "GET"}
    return {route for route in routes if not route.startswith(NO_PAGES)}


async def test_there_is_no_page_that_is_not_visited() -> None:
    assert routes_of_pages(build_console(FakeStore().client, Clock())) == {place.route for place in PAGES}


@pytest.mark.parametrize("place", PAGES, ids=str)
async def test_a_page_is_readable_light_dark_and_on_a_phone(
    visit: Visit, place: Place, record_property: Callable[[str, object], None]
) -> None:
    await visit.open(place.path, place.ready)
    await expect(visit.find("#notice")).to_be_hidden()
    await expect(visit.find('.topbar nav [aria-current="page"], .topbar nav [aria-current="true"]')).to_have_count(1)
    record_property(f"first paint of {place}", await visit.first_paint_ms())
    for look in (DARK, DARK_PHONE, PHONE):  # light is checked when the visit ends
        await visit.become(look)
        assert await visit.overflow() == 0, f"wider than the window: {look}"
        assert not await visit.violations(), look
    await visit.become(LIGHT)
    assert await visit.overflow() == 0
