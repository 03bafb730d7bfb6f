"""A console over a store that has orders of some recipients, transitions, and files of segments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from dashboards.console.app import build_console
from dashboards.segments.rules import RuleFiles
from schemas.announcements import SegmentStatus
from schemas.config import Config
from schemas.config_file import load_config
from schemas.events import ActivityEvent
from schemas.identity import recipient_key
from schemas.segments.canonical import rule_version
from schemas.segments.configured import configured_segments, configured_stamp
from schemas.segments.rules import Segment
from schemas.transitions import SegmentTransition, transition_id
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from tests.integration.backtest_cases import store_records
from tests.integration.store_process import StoreProcess

NOW = 1_774_569_600_000  # 2026-03-27T00:00Z
HOUR, DAY = 3_600_000, 86_400_000
CONFIG = """
segments: segments
tenants:
  - {name: acme, recipient_secret: a-secret}
  - name: other
"""
RULES = """
tenant: acme
segments:
  - id: buyers
    description: Bought in the last 30 days
    event: {name: order_completed, within: 30d}
  - id: new-one
    all: [{segment: buyers}, {event: {name: page}}]
  - id: both
    event: {name: page}
"""
OTHER = "id: both\ntenant: other\nevent: {name: email_open}\n"  # which the check warns of
ADA = recipient_key("a-secret", "acme", "ada@example.test")
Browser = TestClient[Any, Any]


def order(number: int, who: str, at: int) -> ActivityEvent:
    return ActivityEvent(
        event_id=f"{number:032x}", tenant="acme", source="s", provider="shopify", activity="track",
        name="Order Completed", occurred_at=at, received_at=at, recipient_key=who,
    )  # fmt: skip


def transition(who: str, number: int, at: int, version: str, segment_id: str = "buyers") -> SegmentTransition:
    id_ = transition_id("acme", who, segment_id, version, at, number % 2, "")
    return SegmentTransition(
        transition_id=id_, tenant="acme", recipient_key=who, segment_id=segment_id, rule_version=version,
        is_member=number % 2, detected_at=at, effective_at=at, cause="", number=number,
    )  # fmt: skip


def written(folder: Path) -> tuple[Config, Path]:
    (folder / "segments").mkdir()
    (folder / "segments" / "acme.yaml").write_text(RULES)
    (folder / "segments" / "other.yaml").write_text(OTHER)
    (folder / "mailweir.yaml").write_text(CONFIG)
    return load_config(folder / "mailweir.yaml", {}), folder / "mailweir.yaml"


def loaded(config: Config, file: Path) -> list[Segment]:
    return [each for segments in configured_segments(config, file).values() for each in segments]


@contextmanager
def filled_store(folder: Path) -> Iterator[StoreProcess]:
    """Forty buyers, one a day further back, and Ada; transitions of three segments; the files of `written`."""
    segments = loaded(*written(folder))
    version = next(rule_version(each) for each in segments if each.id == "buyers")
    process = StoreProcess(folder / "store")
    client = process.start()
    apply_tables(client)
    store_records(client, [order(number, f"r{number:02}", NOW - number * DAY) for number in range(1, 41)])
    store_records(client, [order(100, ADA, NOW - 5 * DAY)])
    store_records(
        client,
        [
            transition("r01", 1, NOW - 30 * HOUR, version),
            transition("r02", 1, NOW - 3 * HOUR, version),
            transition("r02", 2, NOW - HOUR, version),
            transition("r03", 1, NOW - 2 * HOUR, version),
            transition("r03", 1, NOW - 2 * DAY, "an-older-rule", "new-one"),
            transition("r04", 1, NOW - 2 * DAY, "gone", "archived"),
        ],
    )
    store_records(
        client,
        [
            SegmentStatus(tenant="acme", segment_id="buyers", rule_version=version, status=status, since=since)
            for status, since in (("building", NOW - 40 * HOUR), ("live", NOW - 36 * HOUR))
        ],
    )
    client.close()
    try:
        yield process
    finally:
        process.stop()


@asynccontextmanager
async def console(
    process: StoreProcess, home: Path, clock: Any = lambda: NOW, **options: Any
) -> AsyncIterator[Browser]:
    file = home / "mailweir.yaml"
    config = load_config(file, {})
    rules = RuleFiles(lambda: loaded(config, file), lambda: configured_stamp(config, file), clock)
    app = build_console(lambda: connect(process.url), clock, **{"config": config, "rules": rules, **options})
    async with TestClient(TestServer(app)) as browser:
        yield browser


async def get(browser: Browser, path: str, status: int = 200) -> Any:
    answer = await browser.get(path)
    found = await answer.json()
    assert answer.status == status, found
    return found


async def post(browser: Browser, path: str, body: Any, status: int = 200) -> Any:
    answer = await browser.post(path, json=body)
    found = await answer.json()
    assert answer.status == status, found
    return found
