"""Who may ask the suppression list, and what it answers."""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application
from prometheus_client import CollectorRegistry

from schemas.config import Config
from schemas.identity import recipient_key
from schemas.suppressions import Suppression
from streams.core.suppression.book import Book
from streams.suppression.checks import MOST, Checks
from streams.suppression.metrics import SuppressionMetrics

TOKEN = "a-token-of-some-length"
NOW = 1_800_000_000_000
CONFIG = Config.model_validate({
    "tenants": [
        {"name": "acme", "recipient_secret": "s", "suppression_tokens": ["an-older-token-1", TOKEN]},
        {"name": "open"},
    ]
})  # fmt: skip


def key_of(address: str) -> str:
    return recipient_key("s", "acme", address)


@pytest.fixture
def book() -> Book:
    book = Book()
    for address, cause, scope, until in (
        ("bo@example.com", "unsubscribe", "news", 0),
        ("bo@example.com", "soft", "tenant", NOW + 1000),
        ("cy@example.com", "soft", "tenant", NOW),
    ):
        book.take(
            Suppression(
                tenant="acme", scope=scope, recipient_key=key_of(address), cause=cause, status="active",
                since=1_700_000_000_000, until=until, recipient=address,
            )
        )  # fmt: skip
    return book


def client(book: Book, *, host: str = "0.0.0.0", is_current: bool = True) -> TestClient[Any, Any]:
    metrics = SuppressionMetrics(CollectorRegistry())
    checks = Checks(CONFIG, book, is_current=lambda: is_current, host=host, clock_ms=lambda: NOW, metrics=metrics)
    app = Application()
    app.add_routes(checks.routes())
    return TestClient(TestServer(app))


@pytest.fixture
async def asked(book: Book) -> AsyncIterator[TestClient[Any, Any]]:
    async with client(book) as found:
        yield found


BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def test_each_recipient_is_answered_in_order(asked: TestClient[Any, Any]) -> None:
    question = {"tenant": "acme", "addresses": ["Bo@Example.com", "cy@example.com"], "recipient_keys": ["0" * 32]}
    answer = await asked.post("/v1/check", json=question, headers=BEARER)
    assert answer.status == 200
    first, second, third = (await answer.json())["results"]
    assert first == {
        "recipient_key": key_of("bo@example.com"), "suppressed": True, "cause": "unsubscribe", "scope": "news",
        "since": "2023-11-14T22:13:20.000Z", "until": None, "causes": ["unsubscribe", "soft"],
    }  # fmt: skip
    assert (second["suppressed"], third["suppressed"]) == (False, False)


async def test_one_recipient_can_be_asked_for_in_the_address_line(asked: TestClient[Any, Any]) -> None:
    query = {"tenant": "acme", "recipient_key": key_of("bo@example.com"), "stream": "receipts"}
    answer = await asked.get("/v1/check", params=query, headers=BEARER)
    (result,) = (await answer.json())["results"]
    assert (result["cause"], result["until"]) == ("soft", "2027-01-15T08:00:01.000Z")


@pytest.mark.parametrize(
    ("tenant", "header"),
    [
        ("acme", {}),
        ("acme", {"Authorization": "Bearer wrong"}),
        ("acme", {"Authorization": f"Basic {TOKEN}"}),
        ("acme", {"Authorization": "Bearer "}),
        ("open", BEARER),
        ("nobody", BEARER),
    ],
)
async def test_without_the_tenants_token_nothing_is_told(
    asked: TestClient[Any, Any], tenant: str, header: dict[str, str]
) -> None:
    answer = await asked.post("/v1/check", json={"tenant": tenant, "addresses": ["a@b.c"]}, headers=header)
    assert answer.status == 401
    assert "results" not in await answer.json()


async def test_on_loopback_a_tenant_without_tokens_needs_none_but_others_do(book: Book) -> None:
    async with client(book, host="127.0.0.1") as local:
        statuses = [
            (await local.post("/v1/check", json={"tenant": tenant, "addresses": ["a@b.c"]})).status
            for tenant in ("open", "acme", "nobody")
        ]
    assert statuses == [200, 401, 404]


async def test_half_a_list_answers_nobody(book: Book) -> None:
    async with client(book, is_current=False) as early:
        answer = await early.post("/v1/check", json={"tenant": "acme", "addresses": ["a@b.c"]}, headers=BEARER)
    assert answer.status == 503


@pytest.mark.parametrize(
    "question",
    [
        b"no json",
        b'{"tenant": "acme", "adresses": ["a@b.c"]}',
        b'{"tenant": "acme"}',
        b'{"tenant": "acme", "addresses": [""]}',
        b'{"tenant": "acme", "recipient_keys": ["short"]}',
        b'{"tenant": "acme", "addresses": [' + b",".join([b'"a@b.c"'] * (MOST + 1)) + b"]}",
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_without_repeating_it(
    asked: TestClient[Any, Any], question: bytes
) -> None:
    answer = await asked.post("/v1/check", data=question, headers=BEARER)
    assert answer.status == 400
    assert "a@b.c" not in await answer.text()


async def test_asking_a_long_list_takes_about_as_long_as_asking_a_short_one(book: Book) -> None:
    """Half of each kind of question, in turn, in one run; what the machine does meanwhile meets both."""
    large = Book()
    for number in range(100_000):
        large.take(
            Suppression(
                tenant="acme", scope="tenant", recipient_key=f"{number:032x}", cause="unsubscribe", status="active",
                since=NOW,
            )
        )  # fmt: skip
    async with client(book) as short, client(large) as long:
        times: dict[int, list[float]] = {0: [], 1: []}
        for turn in range(400):
            times[turn % 2].append(await _timed(short if turn % 2 else long))
    assert statistics.median(times[0]) < 2 * statistics.median(times[1])


async def _timed(client: TestClient[Any, Any] | ClientSession) -> float:
    began_s = time.perf_counter()
    question = {"tenant": "acme", "recipient_keys": [f"{5:032x}"]}
    async with client.post("/v1/check", json=question, headers=BEARER) as answer:
        assert answer.status == 200
        await answer.read()
    return time.perf_counter() - began_s
