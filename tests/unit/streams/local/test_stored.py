"""Waiting until a store stands still, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest_asyncio
from aiohttp import web

from streams.local import ports
from streams.local.stored import stored_events, until_still


class Store:
    """Answers every query with the next number of `rows`, then with the last one again."""

    def __init__(self) -> None:
        self.rows: Iterator[int] = iter(())
        self.queries: list[str] = []
        self.last = 0
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.queries.append(request.query["query"])
        self.last = next(self.rows, self.last)
        return web.Response(text=f"{self.last}\n")


@pytest_asyncio.fixture
async def store() -> AsyncIterator[Store]:
    made = Store()
    app = web.Application()
    app.router.add_get("/", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, ports.LOOPBACK, 0)
    await site.start()
    made.url = f"http://{ports.LOOPBACK}:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_the_wait_ends_when_no_row_is_added_any_more(store: Store) -> None:
    store.rows = iter([1, 2, 3, 3])
    assert await until_still(store.url, 10, still_s=0.3) is True
    assert len(store.queries) >= 4
    assert "email_events" in store.queries[0]
    assert "dead_letters" in store.queries[0]


async def test_a_store_that_keeps_growing_is_waited_for_no_longer_than_the_bound(store: Store) -> None:
    store.rows = iter(range(10**6))
    assert await until_still(store.url, 1.0, still_s=0.5) is False


async def test_a_store_that_does_not_answer_counts_as_still() -> None:
    assert await until_still(f"http://{ports.LOOPBACK}:{ports.free_port()}", 10, still_s=0.1) is True


async def test_the_last_number_is_kept_while_the_store_is_away(store: Store) -> None:
    store.rows = iter([42])
    async with httpx.AsyncClient(trust_env=False) as client:
        assert await stored_events(client, store.url) == 42
        assert await stored_events(client, f"http://{ports.LOOPBACK}:{ports.free_port()}", 42) == 42
