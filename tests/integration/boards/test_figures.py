"""One figure, one number: what Grafana asks, the console shows, the API answers, and the simulator knows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from dashboards.console.app import build_console
from dashboards.grafana.boards import DASHBOARDS
from dashboards.grafana.expanded import expanded
from sinks.clickhouse import connect
from streams.simulator.mailboxes import MAILBOXES
from streams.simulator.truth import Fact
from tests.integration.boards.conftest import Told

PROVIDER_OF = {box.domain: box.provider for box in MAILBOXES}
FIGURES = ("delivered", "bounced", "complained")


def truth_by(told: Told, name_of: Callable[[Fact], str]) -> dict[str, tuple[int, ...]]:
    counted: Counter[tuple[str, str]] = Counter()
    for fact in told.river.truth.accepted.values():
        counted[name_of(fact), fact.key.event_type] += 1
    return {name: tuple(counted[name, kind] for kind in FIGURES) for name, _ in counted}


def figures(rows: list[dict[str, Any]], name: str) -> dict[str, tuple[int, ...]]:
    return {row[name] if name else "all": tuple(int(row[figure]) for figure in FIGURES) for row in rows}


def by_panel(told: Told, query: str) -> list[dict[str, Any]]:
    panel = next(panel for board in DASHBOARDS for panel in board.panels if panel.query == query)
    found = told.client.query(expanded(panel.sql(), told.seen()))
    return [dict(zip(found.column_names, row, strict=True)) for row in found.result_rows]


async def by_api(browser: TestClient[Any, Any], told: Told, name: str) -> list[dict[str, Any]]:
    span = {"from_ms": str(told.river.begin_ms), "to_ms": str(told.until_ms)}
    answer = await browser.get(f"/api/queries/{name}", params=span)
    return rows_of(json.loads(await answer.text()))


def rows_of(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]


async def test_grafana_console_api_and_the_senders_agree_on_every_count(told: Told) -> None:
    total = truth_by(told, lambda _: "all")
    campaigns = truth_by(told, lambda fact: fact.campaign)
    providers = truth_by(told, lambda fact: PROVIDER_OF[fact.key.recipient.partition("@")[2]])
    assert total["all"][0] > 2_000
    async with TestClient(TestServer(build_console(lambda: connect(told.url), lambda: told.until_ms))) as browser:
        shown = (await (await browser.get("/api/overview")).json())["panels"]
        assert figures(rows_of(shown["totals"]), "") == total
        assert figures(rows_of(shown["mailbox_providers"]), "provider") == providers
        assert figures(await by_api(browser, told, "totals"), "") == total
        assert figures(await by_api(browser, told, "campaigns"), "campaign_id") == campaigns
        assert figures(await by_api(browser, told, "provider_totals"), "provider") == providers
    assert figures(by_panel(told, "totals"), "") == total
    assert figures(by_panel(told, "campaigns"), "campaign_id") == campaigns
    for query in ("mailbox_providers", "provider_totals", "campaign_providers"):
        assert figures(by_panel(told, query), "provider") == providers
