"""Everyone can use every page: by keyboard alone, in the theme of the system or their own, with a screen reader."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.pages import FRAMED, PAGES, Place
from tests.browser.visit import DARK, LIGHT, PHONE, Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Every control that a person can see, in the order of the page, with a number that is found again.
NUMBER_CONTROLS = """() => {
  const selector = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  const seen = [...document.querySelectorAll(selector)].filter((node) =>
    !node.disabled && node.tabIndex >= 0 && node.checkVisibility({ visibilityProperty: true }));
  seen.forEach((node, i) => { node.dataset.numbered = i; });
  return seen.length;
}"""
FOCUSED = """() => {
  const node = document.activeElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
  return {
    number: node.dataset.numbered === undefined ? null : Number(node.dataset.numbered),
    name: `${node.localName} ${node.id || node.textContent.trim().slice(0, 40)}`,
    is_marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    is_in_sight: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""
FROM_THE_TOP = """() => { document.body.tabIndex = -1; document.body.focus(); }"""
CHARTS_WITHOUT_TABLE = """() => [...document.querySelectorAll(".chart")].filter((chart) => {
  if (!chart.checkVisibility()) return false;
  const table = chart.closest("section").querySelector(".visually-hidden table");
  return chart.getAttribute("aria-hidden") !== "true" || !table?.caption?.textContent
    || !table.tBodies[0].rows.length || table.closest("[aria-hidden]");
}).map((chart) => chart.id)"""
GROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(autouse=True)
def unexamined(visit: Visit) -> None:
    """The pages as they open are in front of axe in `test_pages`."""
    visit.leave_out_axe()


@pytest.mark.parametrize("look", [LIGHT, PHONE], ids=str)
@pytest.mark.parametrize("place", PAGES, ids=str)
async def test_every_control_is_reached_with_the_tab_key_and_seen_there(visit: Visit, place: Place) -> None:
    await visit.open(place.path, place.ready)
    count = int(await visit.page.evaluate(NUMBER_CONTROLS))
    assert count > 5
    await visit.page.evaluate(FROM_THE_TOP)
    reached: list[dict[str, Any]] = []
    for _ in range(count):
        await visit.page.keyboard.press("Tab")
        reached.append(await visit.page.evaluate(FOCUSED))
    assert [step["number"] for step in reached] == list(range(count)), [step["name"] for step in reached]
    assert not [step["name"] for step in reached if not (step["is_marked"] and step["is_in_sight"])]


@pytest.mark.parametrize("place", FRAMED, ids=str)
async def test_the_first_tab_leads_past_the_links_to_the_content(visit: Visit, place: Place) -> None:
    await visit.open(place.path, place.ready)
    await visit.page.evaluate(FROM_THE_TOP)  # a form may have taken the focus
    await visit.page.keyboard.press("Tab")
    await expect(visit.page.get_by_role("link", name="Skip to content")).to_be_focused()
    await visit.page.keyboard.press("Enter")
    await expect(visit.find("main")).to_be_focused()


@pytest.mark.parametrize("place", PAGES, ids=str)
async def test_behind_every_chart_is_a_table_for_who_does_not_see_it(visit: Visit, place: Place) -> None:
    await visit.open(place.path, place.ready)
    assert await visit.find(".chart").count() > 0 or place.route not in {"/", "/segments"}
    await visit.page.wait_for_function(f"() => !({CHARTS_WITHOUT_TABLE})().length")


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=str)
@pytest.mark.parametrize("place", FRAMED, ids=str)
async def test_the_theme_follows_the_system_until_a_person_chooses(visit: Visit, place: Place) -> None:
    await visit.open(place.path, place.ready)
    here, there = (
        ("light", "dark") if await visit.find(":root").get_attribute("data-theme") == "light" else ("dark", "light")
    )
    before = await visit.page.evaluate(GROUND)
    await visit.page.emulate_media(color_scheme=there)  # type: ignore[arg-type]  # one of two words
    await expect(visit.find(":root")).to_have_attribute("data-theme", there)
    after = await visit.page.evaluate(GROUND)
    assert before != after
    await visit.page.get_by_role("button", name="Switch between light and dark").click()
    await expect(visit.find(":root")).to_have_attribute("data-theme", here)
    assert await visit.page.evaluate(GROUND) == before
    await visit.page.reload()
    await expect(visit.find(":root")).to_have_attribute("data-theme", here)
