"""With a login nobody sees a page before they have said who they are, and then what is theirs to see and to say."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, expect

from dashboards.console.app import build_console
from tests.browser.mail import NOW
from tests.browser.served import serving
from tests.browser.visit import DARK, DARK_PHONE, LIGHT, PHONE, Look, Visit, visiting
from tests.browser.world import World
from tests.unit.dashboards.fakes import Clock, FakeStore
from tests.unit.dashboards.login.house import PASSWORD, a_door, user

pytestmark = pytest.mark.asyncio(loop_scope="session")

PEOPLE = (user("dana"), user("vera", "viewer", "nord"))


@pytest_asyncio.fixture(loop_scope="session")
async def guest(chromium: Browser, world: World, look: Look, tmp_path: Path) -> AsyncIterator[Visit]:
    """A visit of somebody to a console with a login."""
    options: dict[str, Any] = {"config": world.config, "rules": world.rules()}
    door = a_door(PEOPLE, Clock(NOW), tmp_path / "users.yaml")
    async with serving(world.store, door=door, **options) as url, visiting(chromium, url, look) as visit:
        yield visit


async def enter(guest: Visit, name: str, password: str = PASSWORD) -> None:
    await guest.page.get_by_label("Name").fill(name)
    await guest.page.get_by_label("Password").fill(password)
    await guest.page.keyboard.press("Enter")


def routes(app: web.Application) -> set[str]:
    return {route.resource.canonical for route in app.router.routes() if route.resource and route.method == "GET"}


async def test_the_login_is_the_only_page_that_a_console_without_one_has_not(tmp_path: Path) -> None:
    door = a_door(PEOPLE, Clock(NOW), tmp_path / "users.yaml")
    more = routes(build_console(FakeStore().client, Clock(), door=door)) - routes(
        build_console(FakeStore().client, Clock())
    )
    assert {route for route in more if not route.startswith("/api/")} == {"/login", "/login/oidc", "/login/callback"}


async def test_who_does_not_know_the_password_is_refused_and_who_does_sees_the_page_they_wanted(guest: Visit) -> None:
    guest.expect_refusal(401)
    await guest.open("/segments", "#login-form")
    await expect(guest.page).to_have_url(re.compile("/login"))
    await enter(guest, "dana", "a guess")
    await expect(guest.page.get_by_role("alert")).to_be_visible()
    await expect(guest.page.get_by_label("Password")).to_be_focused()
    await expect(guest.page.get_by_label("Password")).to_have_value("")
    await enter(guest, "dana")
    await expect(guest.page).to_have_url(re.compile("/segments$"))
    await expect(guest.find("#list-body tbody tr")).to_have_count(3)
    await expect(guest.find(".me")).to_contain_text("dana")
    await guest.page.get_by_role("button", name="Log out").click()
    await guest.page.wait_for_selector("#login-form")
    await guest.open("/", "#login-form")
    await expect(guest.page).to_have_url(re.compile("/login"))


async def test_a_viewer_sees_what_is_of_their_tenant_and_can_say_nothing_to_it(guest: Visit) -> None:
    await guest.open("/", "#login-form")
    await enter(guest, "vera")
    await guest.page.wait_for_selector("#reputation-body table")
    await expect(guest.find("#reputation-body tbody tr")).to_have_count(1)
    await expect(guest.find("#reputation-body tbody tr")).to_contain_text("morning-briefing")
    await expect(guest.find(".event").first).to_be_visible()
    await expect(guest.find("main")).not_to_contain_text("winter-clearance")
    await expect(guest.find(".event .verbs")).to_have_count(0)


@pytest.mark.parametrize("look", [LIGHT, DARK, PHONE, DARK_PHONE], ids=str)
async def test_the_login_page_is_readable_and_not_wider_than_the_window(guest: Visit) -> None:
    await guest.open("/login", "#login-form")
    await expect(guest.page.get_by_label("Name")).to_be_focused()
    assert await guest.overflow() == 0
