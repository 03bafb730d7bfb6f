"""The overview shows what is stored, part by part, and what is behind a figure opens where it stands."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from schemas.rulings import State
from tests.browser.decided import BACK, STORIES
from tests.browser.mail import NOW, PROVIDERS
from tests.browser.visit import Visit
from tests.browser.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = {
    State.DONE: "done", State.UNSUPPORTED: "not supported by this sender", State.WAITING: "waits for approval",
    State.SUGGESTED: "suggested, up to you", State.DRY_RUN: "dry run, nothing was sent", State.OPEN: "on its way",
    State.APPROVED: "approved, on its way", State.REJECTED: "rejected", State.FAILED: "failed",
    State.EXPIRED: "expired, nobody approved it", State.REVERTING: "being reverted", State.REVERTED: "reverted",
    State.REVERT_FAILED: "reverting failed",
}  # fmt: skip
VERBS = {
    State.WAITING: ["Approve", "Reject"], State.DONE: ["Revert"], State.DRY_RUN: ["Revert"], State.FAILED: ["Revert"],
}  # fmt: skip


async def test_the_headline_and_the_key_figures_are_those_of_the_stored_mail(visit: Visit, world: World) -> None:
    await visit.open("/", '#hero[data-tone="paused"]')
    await expect(visit.find("#hero h1")).to_have_text("1 campaign paused: winter-clearance")
    await expect(visit.page).to_have_title("1 campaign paused: winter-clearance · mailweir")
    delivered, bounced, complained = map(world.mail.of_type, ("delivered", "bounced", "complained"))
    tiles = visit.find(".tile")
    await expect(tiles).to_have_count(6)
    await expect(tiles.nth(1)).to_contain_text(f"{delivered:,} of {delivered + bounced:,} settled")
    await expect(tiles.nth(1).locator("strong")).to_have_text(f"{100 * delivered / (delivered + bounced):.1f}\u202f%")
    await expect(tiles.nth(2)).to_contain_text(f"{bounced} refused for good")
    await expect(tiles.nth(4)).to_contain_text(f"{complained} of {delivered:,} delivered")


async def test_a_decision_says_where_it_stands_and_what_can_be_said_to_it(visit: Visit) -> None:
    await visit.open("/", ".event")
    await expect(visit.find(".event")).to_have_count(len(STORIES) + len(BACK))
    await expect(visit.find("#decision-waiting .when")).to_have_text("10:25:53")  # of today, by the console's clock
    assert set(WORDS) == set(STORIES) == set(State)
    for state, words in WORDS.items():
        card = visit.find(f"#decision-{state}")
        await expect(card.locator(".done .chip")).to_have_text(words)
        buttons = [text.split()[0] for text in await card.locator(".verbs button").all_inner_texts()]
        assert buttons == VERBS.get(state, []), state


async def test_the_evidence_of_a_decision_opens_and_stays_open(visit: Visit) -> None:
    await visit.open("/", ".event")
    card = visit.find("#decision-done")
    await expect(card.locator(".evidence")).to_be_hidden()
    await card.locator("summary").click()
    await expect(card.locator(".evidence")).to_contain_text("bounce_cusum")
    await expect(card.locator(".evidence")).to_contain_text("unknown users")
    await expect(card.locator(".evidence")).to_contain_text("8.0\u202fs before the decision")


async def test_mailbox_providers_refusals_and_dead_letters_are_counted_as_they_are_stored(
    visit: Visit, world: World
) -> None:
    await visit.open("/", "#failures-body table")
    rows = visit.find("#providers-body tbody tr")
    await expect(rows).to_have_count(len(PROVIDERS))
    gmail = world.mail.counted("provider", "gmail")
    settled = gmail["delivered"] + gmail["bounced_address"] + gmail["bounced_block"]
    await expect(rows.first).to_contain_text(f"Gmail{settled:,}")
    replies = [row["enhanced_status"] for row in world.mail.rows if row["bounce_reason"] == "rate_limited"]
    await expect(visit.find(".replies li").first).to_contain_text(
        f"rate limiteddeferred 4.7.0 · Gmail and 5 more{len(replies)}"
    )
    await expect(visit.find(".replies")).to_contain_text("<…@…>")
    await expect(visit.find(".codes")).to_have_text(
        "item unreadable in normalise7not json in normalise3store refused in sink1"
    )
    await expect(visit.find("#failures-body tbody tr")).to_have_count(6)
    await expect(visit.find("#pipeline-body")).to_contain_text(f"Dead letters kept{11}")


async def test_a_row_of_reputation_opens_to_the_whole_reckoning(visit: Visit) -> None:
    await visit.open("/", "#reputation-body table")
    rows = visit.find("#reputation-body tbody tr")
    await expect(rows.first).to_contain_text("paused")
    name = rows.first.get_by_role("button", name="winter-clearance")
    await name.click()
    await expect(name).to_have_attribute("aria-expanded", "true")
    await expect(rows.nth(1)).to_contain_text("Send to this list only who has confirmed the address.")
    await name.click()
    await expect(rows.nth(1)).not_to_have_class("more")


async def test_a_tab_is_reached_with_the_arrow_keys_and_shows_its_kind(visit: Visit) -> None:
    await visit.open("/", "#reputation-body table")
    tabs = visit.find('#reputation-body [role="tab"]')
    await tabs.first.focus()
    await visit.page.keyboard.press("ArrowRight")
    await expect(tabs.nth(1)).to_be_focused()
    await visit.page.keyboard.press("Enter")
    await expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    await expect(visit.find("#reputation-body tbody tr").first).to_contain_text("198.51.100.24")
    await visit.page.keyboard.press("ArrowLeft")
    await visit.page.keyboard.press("ArrowLeft")
    await expect(tabs.last).to_be_focused()


async def test_a_name_in_the_legend_hides_its_line(visit: Visit) -> None:
    await visit.open("/", "#chart-flow canvas")
    sent = visit.find('#legend-flow button[data-name="sent"]')
    await expect(sent).to_have_attribute("aria-pressed", "true")
    before = await visit.find("#chart-flow").screenshot()
    await sent.click()
    await expect(sent).to_have_attribute("aria-pressed", "false")
    assert await visit.find("#chart-flow").screenshot() != before


async def test_behind_the_charts_is_a_table_of_the_stored_rates(visit: Visit, world: World) -> None:
    await visit.open("/", "#flow-table table")
    heads = await visit.find("#flow-table thead th").all_inner_texts()
    lines = [re.split(r"\s+", text) for text in await visit.find("#flow-table tbody tr").all_inner_texts()]
    assert len(lines) == 15
    minute = NOW - NOW % 60_000 - 5 * 60_000
    begin = minute + (int(lines[0][0].split(":")[2]) * 1000)
    (line,) = (
        line
        for line in lines
        if line[0] == f"{begin // 3_600_000 % 24:02}:{begin // 60_000 % 60:02}:{begin // 1000 % 60:02}"
    )
    column = heads.index("Delivered")
    inside = [row for row in world.mail.rows if begin <= row["received_at"] < begin + 60_000]
    expected = sum(row["event_type"] == "delivered" for row in inside) / 60
    assert float(line[column]) == pytest.approx(expected, abs=0.051)
