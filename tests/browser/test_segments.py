"""Segments in the browser: the list, one of them, why somebody is in it, and whom a rule would mean."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.visit import Visit
from tests.browser.world import ADA

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH, READY = "/segments", "#detail-body table"
RIGHT = "id: keen\ntenant: acme\nevent: {name: order_completed, within: 21d, count: {gte: 2}}\n"
WRONG = "id: keen\nevnt: {name: order_completed}\n"


async def test_a_segment_of_the_list_opens_and_its_address_leads_back_to_it(visit: Visit) -> None:
    await visit.open(PATH, READY)
    rows = visit.find("#list-body tbody tr")
    await expect(rows).to_have_count(3)
    await expect(rows.first.locator(".chip")).to_have_text("live")
    name = rows.nth(2).get_by_role("button", name="nord/readers")
    await name.click()
    await expect(name).to_have_attribute("aria-expanded", "true")
    await expect(visit.find("#detail-title")).to_have_text("readers")
    await expect(visit.find("#detail-body .rule")).to_have_text("event: {name: page, within: 14d}")
    await visit.page.reload()
    await expect(visit.find("#detail-title")).to_have_text("readers")


async def test_its_size_is_drawn_over_another_span_and_told_as_a_table(visit: Visit) -> None:
    await visit.open(PATH, READY)
    size = (await visit.find("#list-body tbody tr td.num").first.inner_text()).replace(",", "")
    await expect(visit.find("#detail-note")).to_contain_text(f"{size} recipients, live since 13 Oct 2026")
    await expect(visit.find("#detail-table caption")).to_have_text("Recipients in buyers-30d over time")
    for label, first in (("2 hours", "3 Nov 2026, 08:"), ("90 days", "Aug 2026")):
        button = visit.find("#detail-spans").get_by_role("button", name=label)
        before = await visit.find("#detail-chart").screenshot()
        await button.click()
        await expect(button).to_have_attribute("aria-pressed", "true")
        await expect(visit.find("#detail-table tbody tr").first).to_contain_text(first)
        await expect(visit.find("#detail-table tbody tr").last.locator("td")).to_have_text(size)
        assert await visit.find("#detail-chart").screenshot() != before


async def test_why_somebody_is_in_a_segment_is_answered_by_address_which_no_url_holds(visit: Visit) -> None:
    await visit.open(PATH, READY)
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    await visit.page.get_by_label("Recipient, by address or key").fill(ADA)
    await visit.find("#explain-segment").select_option("acme/buyers-30d")
    await visit.page.get_by_label("Recipient, by address or key").press("Enter")
    body = visit.find("#explain-body")
    await expect(body.locator(".verdict")).to_contain_text("In buyers-30d since 14 Oct 2026, 10:30:05.")
    await expect(body.locator(".verdict")).to_contain_text("leaves on 30 Nov 2026, 10:30:05")
    await expect(body).to_contain_text("by 3 stored events")
    await visit.find("#explain-segment").select_option("acme/")
    await visit.page.get_by_role("button", name="Explain").click()
    await expect(body.locator(".verdict")).to_contain_text("In 2 of 2 segments.")
    assert any(url.endswith("/explain") for url in asked)
    assert not [url for url in asked if "ada" in url or "%40" in url]
    assert ADA not in visit.page.url


async def test_a_rule_that_is_right_says_whom_it_means(visit: Visit) -> None:
    await visit.open(PATH, READY)
    await visit.page.get_by_label("Rule, as YAML or JSON").fill(RIGHT)
    await visit.page.keyboard.press("Control+Enter")
    await expect(visit.find("#preview-body .verdict")).to_have_text("1 recipient of acme now in keen.")
    await expect(visit.find("#preview-body .keys li")).to_have_count(1)


async def test_a_rule_that_is_wrong_says_what_to_write_instead(visit: Visit) -> None:
    visit.expect_refusal(422)
    await visit.open(PATH, READY)
    await visit.page.get_by_label("Rule, as YAML or JSON").fill(WRONG)
    await visit.page.get_by_role("button", name="Preview").click()
    await expect(visit.find("#preview-body .findings")).to_contain_text("error:")
    await expect(visit.find("#preview-body .findings")).to_contain_text("event")
