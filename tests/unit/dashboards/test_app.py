"""The console as a browser meets it: pages, API, stream; the store behind it is a fake."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from dashboards.console.app import build_console
from dashboards.console.panels import PANELS, Panel
from dashboards.queries import QUERIES
from schemas.errors import Misconfigured
from tests.unit.dashboards.fakes import Clock, FakeClient, FakeStore

TOTALS = (["events", "delivered"], [[12, 10]])
Client = TestClient[Any, Any]


@asynccontextmanager
async def console(store: FakeStore, clock: Callable[[], int] | None = None, **options: Any) -> AsyncIterator[Client]:
    app = build_console(store.client, clock or Clock(), **options)
    async with TestClient(TestServer(app)) as client:
        yield client


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition is in another thread
            await asyncio.sleep(0.01)


async def next_event(stream: ClientResponse, name: str) -> Any:
    """The data of the next message of that name."""
    async with asyncio.timeout(10):
        while True:
            line = (await stream.content.readline()).decode()
            if line == f"event: {name}\n":
                return json.loads((await stream.content.readline()).decode().removeprefix("data: "))


async def test_the_page_comes_with_a_policy_that_keeps_it_to_itself() -> None:
    async with console(FakeStore()) as client:
        page = await client.get("/")
        assert page.status == 200
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert "<title>mailweir</title>" in await page.text()
        script = await client.get("/static/main.js")
        assert script.content_type in {"text/javascript", "application/javascript"}
        assert "Content-Security-Policy" in script.headers


async def test_many_viewers_cost_one_query_a_panel() -> None:
    store = FakeStore({"totals": TOTALS})
    async with console(store, panels=[Panel("totals", 60.0)]) as client, AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(client.get("/api/stream")) for _ in range(30)]
        answers = [await next_event(stream, "totals") for stream in streams]
        assert all(answer["rows"] == [[12, 10]] for answer in answers)
        assert store.count("totals") == 1


async def test_asking_for_the_overview_at_the_same_time_asks_the_store_once() -> None:
    store = FakeStore({"totals": TOTALS})
    async with console(store, panels=[Panel("totals", 60.0)]) as client:
        answers = await asyncio.gather(*(client.get("/api/overview") for _ in range(20)))
        assert {answer.status for answer in answers} == {200}
        assert store.count("totals") == 1


@pytest.mark.parametrize(("takes", "gets"), [("gzip, deflate", "gzip"), ("identity", None)])
async def test_the_stream_is_compressed_for_who_takes_it_so(takes: str, gets: str | None) -> None:
    asks = {"Accept-Encoding": takes}
    async with (
        console(FakeStore({"totals": TOTALS}), panels=[Panel("totals", 0.01)]) as client,
        client.get("/api/stream", headers=asks) as stream,
    ):
        assert stream.headers.get("Content-Encoding") == gets
        await next_event(stream, "totals")


async def test_who_comes_later_hears_the_state_at_once_and_not_with_the_next_pulse() -> None:
    store = FakeStore()
    async with console(store) as client, client.get("/api/stream") as first, asyncio.timeout(12):
        while (await next_event(first, "pulse"))["headline"] is None:
            pass
        for _ in range(12):  # pulses come every two seconds: waiting for them would take twice as long as there is
            async with client.get("/api/stream") as later:
                assert (await next_event(later, "pulse"))["headline"]["tone"] == "empty"


async def test_while_nobody_watches_nothing_is_asked() -> None:
    store = FakeStore()
    ticks = itertools.count(0, 1_000)  # every answer is old at once
    async with console(store, ticks.__next__, panels=[Panel("totals", 0.01)]) as client:
        async with client.get("/api/stream") as stream:
            await next_event(stream, "totals")
            await until(lambda: len(store.asked) > 3)
        before = -1
        async with asyncio.timeout(10):
            while before != len(store.asked):  # one query may still be under way
                before = len(store.asked)
                await asyncio.sleep(0.1)


async def test_an_unchanged_answer_is_not_sent_again() -> None:
    store = FakeStore({"totals": TOTALS})
    clock = Clock()
    async with console(store, clock, panels=[Panel("totals", 0.01)]) as client, client.get("/api/stream") as stream:
        await next_event(stream, "totals")
        clock.at_ms += 60_000
        await until(lambda: store.count("totals") > 1)
        store.answers["totals"] = (TOTALS[0], [[13, 11]])
        clock.at_ms += 60_000
        assert (await next_event(stream, "totals"))["rows"] == [[13, 11]]


async def test_a_store_that_is_away_is_told_in_a_sentence_and_comes_back_by_itself() -> None:
    store, ticks = FakeStore({"totals": TOTALS}), itertools.count(0, 1_000)
    panels = [Panel("totals", 0.01)]
    async with console(store, ticks.__next__, panels=panels) as client, client.get("/api/stream") as stream:
        await next_event(stream, "totals")
        store.is_away = True
        while (await next_event(stream, "pulse"))["store"]["is_well"]:
            pass
        ready = await client.get("/readyz")
        assert ready.status == 503
        assert "The store does not answer" in (await ready.json())["error"]
        assert (await client.get("/healthz")).status == 200
        store.answers["totals"] = (TOTALS[0], [[13, 11]])
        store.is_away = False
        assert (await next_event(stream, "totals"))["rows"] == [[13, 11]]
        while not (await next_event(stream, "pulse"))["store"]["is_well"]:
            pass
        assert (await client.get("/readyz")).status == 200


async def test_what_an_operator_must_change_is_said_as_it_is() -> None:
    def refused() -> FakeClient:
        raise Misconfigured("the store refuses the password; check MAILWEIR_CLICKHOUSE_PASSWORD")

    async with TestClient(TestServer(build_console(refused, Clock()))) as client:
        ready = await client.get("/readyz")
        assert (await ready.json())["error"].endswith("check MAILWEIR_CLICKHOUSE_PASSWORD.")


async def test_no_all_clear_is_given_before_both_of_its_answers_are_there() -> None:
    store = FakeStore()
    store.is_away = True
    async with console(store) as client:
        assert (await (await client.get("/api/overview")).json())["headline"] is None
        store.is_away = False
        assert (await (await client.get("/api/overview")).json())["headline"]["tone"] == "empty"


async def test_times_are_epoch_milliseconds_and_arrays_lists() -> None:
    answer = (["at", "tags"], [[datetime(2026, 1, 2, 3, 4, 5, 678_000), ("a", "b")]])  # noqa: DTZ001 - as the driver gives UTC
    async with console(FakeStore({"totals": answer})) as client:
        found = await (await client.get("/api/queries/totals")).json()
        assert found["rows"] == [[1_767_323_045_678, ["a", "b"]]]


async def test_a_named_query_is_answered_for_the_asked_span() -> None:
    store, clock = FakeStore({"totals": TOTALS}), Clock(1_000_000_000)
    async with console(store, clock) as client:
        answer = await (await client.get("/api/queries/totals?since_minutes=5&tenant=acme")).json()
        assert answer["columns"] == ["events", "delivered"]
        assert answer["unit"] == "events"
        assert store.asked == [("totals", {"from_ms": 999_700_000, "to_ms": 1_000_000_000, "tenant": "acme"})]


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("totalz", 404, "did you mean 'totals'?"),
        ("totals?since_minutes=x", 400, "since_minutes: expected a whole number, got 'x'"),
        ("totals?since_minutes=0", 400, "since_minutes: 0 is outside 1 to 10080"),
        ("totals?since_minutes=5&from_ms=1", 400, "either since_minutes or from_ms"),
        ("totals?tenent=a", 400, "did you mean 'tenant'?"),
        ("campaign_states?since_minutes=5", 400, "campaign_states has no time span"),
    ],
)
async def test_a_bad_question_is_refused_with_a_sentence(path: str, status: int, sentence: str) -> None:
    store = FakeStore()
    async with console(store) as client:
        answer = await client.get(f"/api/queries/{path}")
        assert answer.status == status
        assert sentence in (await answer.json())["error"]
        assert not store.asked


async def test_the_list_of_queries_names_every_one_with_its_parameters() -> None:
    async with console(FakeStore()) as client:
        listed = (await (await client.get("/api/queries")).json())["queries"]
        assert [entry["name"] for entry in listed] == list(QUERIES)
        assert {"name": "limit", "type": "UInt32", "default": 20} in next(
            entry["parameters"] for entry in listed if entry["name"] == "decisions"
        )


async def test_questions_beyond_the_bound_are_asked_to_come_back() -> None:
    store = FakeStore({"totals": TOTALS})
    store.held.clear()
    async with console(store) as client:
        waiting = [asyncio.create_task(client.get("/api/queries/totals")) for _ in range(2)]
        await until(lambda: len(store.asked) == 2)
        refused = await client.get("/api/queries/totals")
        assert refused.status == 503
        assert refused.headers["Retry-After"] == "1"
        store.held.set()
        assert [(await answer).status for answer in waiting] == [200, 200]


async def test_one_viewer_too_many_gets_503_and_a_reason() -> None:
    async with console(FakeStore(), max_viewers=1) as client, client.get("/api/stream"):
        refused = await client.get("/api/stream")
        assert refused.status == 503
        assert "already watch" in (await refused.json())["error"]


@pytest.mark.parametrize(
    ("host", "status"),
    [("rebound.example", 421), ("localhost:8600", 200), ("[::1]:8600", 200), ("mail.corp.example", 200)],
)
async def test_a_foreign_name_on_loopback_is_refused(host: str, status: int) -> None:
    async with console(FakeStore(), trusted_hosts=["mail.corp.example"]) as client:
        assert (await client.get("/api/queries", headers={"Host": host})).status == status


async def test_stopping_ends_open_streams_and_closes_every_client() -> None:
    store = FakeStore({panel.query: TOTALS for panel in PANELS if panel.query == "totals"})
    async with console(store, panels=[Panel("totals", 0.01)]) as client, client.get("/api/stream") as stream:
        await next_event(stream, "totals")
        await asyncio.wait_for(client.server.close(), 5)
        async with asyncio.timeout(5):
            while await stream.content.readline():
                pass
    assert store.clients > 0
    assert store.open_clients == 0
