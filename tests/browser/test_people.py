"""From a key down to single events and to a recipient, by links that the back button takes back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from schemas.access import ConsoleAccess
from tests.browser.mail import counted_as
from tests.browser.served import serving
from tests.browser.visit import Visit, visiting
from tests.browser.world import ADA, World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_key_leads_to_a_provider_to_a_reply_to_its_events_and_back(visit: Visit, world: World) -> None:
    await visit.open("/keys", "#choice-body a")
    await visit.page.get_by_role("link", name="acme: winter-clearance").click()
    await expect(visit.find("#heading h1")).to_have_text("winter-clearance")
    await expect(visit.find("#heading .standing")).to_contain_text("41")
    await expect(visit.find("#why-body")).to_contain_text("unknown users")
    bad = [
        row
        for row in world.mail.rows
        if row["campaign_id"] == "winter-clearance" and counted_as(row) == "bounced_address"
    ]
    gmail = [row for row in bad if row["mailbox_provider"] == "gmail"]
    await expect(visit.find("#providers-body tbody tr").first).to_contain_text(f"{len(bad)}")
    await visit.find("#providers-body").get_by_role("link", name="Gmail").click()
    await expect(visit.find("#replies-note")).to_contain_text("at Gmail")
    await visit.find("#replies-body").get_by_role("link", name="invalid recipient").click()
    await expect(visit.find("#events-note")).to_have_text(f"all {len(gmail)} behind this reply")
    await expect(visit.find("#events-body tbody tr")).to_have_count(len(gmail))
    await expect(visit.page).to_have_url(re.compile("provider=gmail&reply="))
    await visit.page.go_back()
    await expect(visit.find("#events-note")).to_contain_text("at Gmail")
    await visit.page.go_back()
    await visit.page.go_back()
    await expect(visit.find("#choice-body")).to_be_visible()


async def test_a_recipient_is_shown_once_the_look_is_written_down_and_no_url_has_the_address(
    chromium: Browser, world: World
) -> None:
    looks: list[ConsoleAccess] = []

    async def note(access: ConsoleAccess) -> None:
        looks.append(access)

    options: dict[str, Any] = {"config": world.config, "rules": world.rules(), "note": note}
    async with serving(world.store, **options) as url, visiting(chromium, url) as visit:
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        await visit.open("/recipients", '#link[data-state="live"]')
        for label, text in (("Recipient", ADA), ("Tenant", "acme"), ("Your name", "Dana"), ("Reason", "She asked.")):
            await visit.page.get_by_role("textbox", name=label).fill(text)
        await visit.page.get_by_role("button", name="Look").click()
        await expect(visit.find("#standing-body")).to_contain_text(
            "Yes: nothing on the suppression list stands against it."
        )
        await expect(visit.find("#timeline-body li")).to_have_count(3)
        await expect(visit.find("#segments-body")).to_contain_text("buyers-30d in since 14 Oct 2026")
        await expect(visit.page).to_have_url(re.compile("/recipients#acme/"))
    assert {(look.who, look.why, look.tenant) for look in looks} == {("Dana", "She asked.", "acme")}
    assert len({look.recipient_key for look in looks}) == 1
    assert not [url for url in asked if "ada" in url or "%40" in url]


async def test_without_a_log_nobody_is_shown_and_the_page_says_why(visit: Visit) -> None:
    visit.expect_refusal(503)
    await visit.open("/recipients", '#link[data-state="live"]')
    for label, text in (("Recipient", ADA), ("Tenant", "acme"), ("Your name", "Dana")):
        await visit.page.get_by_role("textbox", name=label).fill(text)
    await visit.page.keyboard.press("Enter")
    await expect(visit.find("#find-said .wrong")).to_be_visible()
    await expect(visit.find("#timeline")).to_be_hidden()
