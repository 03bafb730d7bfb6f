"""A page that is open keeps up by itself: with what arrives, with a store that goes away, with one that comes back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from playwright.async_api import Browser, expect

from sinks.migrate import apply_tables
from tests.browser.mail import NOW, made_mail, store_mail
from tests.browser.scores import made_scores
from tests.browser.served import serving
from tests.browser.visit import visiting
from tests.browser.world import store_all
from tests.integration.store_process import StoreProcess
from tests.unit.dashboards.fakes import Clock

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def empty(chromium: Browser, tmp_path: Path) -> Iterator[tuple[StoreProcess, Client]]:
    """A store with tables and nothing in them."""
    process = StoreProcess(tmp_path / "store")
    client = process.start()
    apply_tables(client)
    yield process, client
    client.close()
    process.stop()


async def test_an_empty_console_says_how_to_begin_and_then_shows_what_arrives_without_a_reload(
    chromium: Browser, empty: tuple[StoreProcess, Client]
) -> None:
    process, client = empty
    clock, mail = Clock(NOW), made_mail(per_s=2)
    async with serving(process, clock) as url, visiting(chromium, url) as visit:
        await visit.open("/", '#hero[data-tone="empty"]')
        await expect(visit.find("#hero")).to_contain_text("http://127.0.0.1:8610/webhooks/<source>")
        await expect(visit.find("#decisions-body")).to_contain_text("Nothing had to be decided")
        await expect(visit.find("#flow-charts")).to_be_hidden()
        await visit.page.evaluate("window.isTheSamePage = true")
        store_mail(client, mail)
        store_all(client, made_scores(mail))
        clock.at_ms += 2_000
        await expect(visit.find("#hero h1")).to_have_text("1 campaign in trouble: winter-clearance")
        await expect(visit.find(".tile").nth(2)).to_contain_text(f"{mail.of_type('bounced')} refused for good")
        await expect(visit.find("#chart-flow canvas")).to_be_visible()
        assert await visit.page.evaluate("window.isTheSamePage")
        assert (
            await visit.page.evaluate(
                "performance.getEntriesByType('resource').filter((r) => r.name.endsWith('/api/overview')).length"
            )
            == 0
        )


async def test_while_the_store_is_away_the_page_says_so_keeps_its_figures_and_goes_on_when_it_is_back(
    chromium: Browser, empty: tuple[StoreProcess, Client]
) -> None:
    process, client = empty
    clock, mail = Clock(NOW), made_mail(per_s=2)
    store_mail(client, mail)
    store_all(client, made_scores(mail))
    async with serving(process, clock) as url, visiting(chromium, url) as visit:
        await visit.open("/", "#reputation-body table")
        await asyncio.to_thread(process.kill)
        notice = visit.find("#notice")
        async with asyncio.timeout(30):
            while await notice.is_hidden():
                clock.at_ms += 1_000  # every answer grows old
                await asyncio.sleep(0.05)
        await expect(notice).to_have_text(re.compile("The store does not answer.*since 10:30:.*"))
        await expect(visit.find("#reputation-body tbody tr").first).to_contain_text("winter-clearance")
        (await asyncio.to_thread(process.start)).close()
        async with asyncio.timeout(30):
            while await notice.is_visible():
                clock.at_ms += 1_000
                await asyncio.sleep(0.05)
        await expect(visit.find("#link")).to_have_text("Live")
