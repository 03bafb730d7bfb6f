"""The store's side: sink, console, the embedded store, topics and tables."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.config import Config
from schemas.settings import Settings
from schemas.warmup import Warmup
from streams import logs
from streams.clock import clock_ms
from streams.environment import codec, config, learned

if TYPE_CHECKING:
    from dashboards.segments.rules import RuleFiles
    from schemas.segments.rules import Segment
    from sinks.warmup_days import DayRow


def run_sink(of: Settings) -> int:
    """Every topic into ClickHouse."""
    import asyncio  # noqa: PLC0415
    import signal  # noqa: PLC0415

    from prometheus_client import CollectorRegistry  # noqa: PLC0415

    from sinks.build import build_sink  # noqa: PLC0415
    from sinks.tables import TABLES  # noqa: PLC0415
    from streams.health import HealthPage  # noqa: PLC0415
    from streams.topics import partitions_of  # noqa: PLC0415

    logs.set_up(of.log_level)
    partitions_of(of.kafka, *(spec.topic for spec in TABLES))
    registry = CollectorRegistry()
    writer = build_sink(of, codec(of), registry)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, writer.stop)
        page = HealthPage(of.host, of.metrics_port, lambda: writer.is_ready, registry)
        await page.on_start()
        try:
            await asyncio.to_thread(writer.run)
        finally:
            await page.on_stop()

    asyncio.run(run())
    return 0


def run_console(of: Settings) -> int:
    """The console."""
    import asyncio  # noqa: PLC0415
    from urllib.parse import urlsplit  # noqa: PLC0415

    from dashboards.campaigns.maturity import delay_of  # noqa: PLC0415
    from dashboards.console.app import SAMPLING, build_console  # noqa: PLC0415
    from dashboards.console.login.opening import door_of  # noqa: PLC0415
    from dashboards.console.server import serve  # noqa: PLC0415
    from sinks.clickhouse import connect  # noqa: PLC0415
    from streams.wiring.access_log import AccessLog  # noqa: PLC0415
    from streams.wiring.replaying import ReplayDesk  # noqa: PLC0415
    from streams.wiring.ruling_log import RulingLog  # noqa: PLC0415

    logs.set_up(of.log_level)
    found = config(of)
    door = door_of(found, of.config, of.host, clock_ms)
    rulings, looks = RulingLog(of), AccessLog(of)
    secret = of.clickhouse_password.get_secret_value()
    replays = ReplayDesk(of, found)
    gateway_url = found.public_url or f"http://{of.host}:{of.gateway_port}"
    hosts = [name.strip().lower() for name in of.console_hosts.split(",")] + [
        urlsplit(found.console_url).hostname or ""
    ]

    async def run() -> None:
        app = build_console(
            lambda: connect(of.clickhouse, of.clickhouse_user, secret),
            clock_ms,
            config=found,
            rules=_rule_files(found, of.config),
            append=rulings.append,
            note=looks.append,
            replays=replays,
            gateway_url=gateway_url,
            trusted_hosts=[name for name in hosts if name],
            door=door,
            delay=delay_of(learned(of)),
        )
        try:
            await serve(app, of.host, of.console_port, watch=SAMPLING)
        finally:
            await asyncio.to_thread(rulings.close)
            await asyncio.to_thread(looks.close)
            await asyncio.to_thread(replays.close)

    asyncio.run(run())
    return 0


def _rule_files(found: Config, file: Path) -> RuleFiles | None:
    from dashboards.segments.rules import RuleFiles  # noqa: PLC0415
    from schemas.segments.configured import configured_segments, configured_stamp  # noqa: PLC0415

    def load() -> list[Segment]:
        return [each for segments in configured_segments(found, file).values() for each in segments]

    return RuleFiles(load, lambda: configured_stamp(found, file), clock_ms) if found.segments else None


def run_store(of: Settings, data: Path | None, port: int | None) -> int:
    """A chDB folder over ClickHouse's HTTP protocol."""
    from sinks.store.serve import run_store as serve_store  # noqa: PLC0415

    logs.set_up(of.log_level)
    serve_store(
        data or of.data,
        of.host,
        of.store_port if port is None else port,
        of.clickhouse_password.get_secret_value(),
    )
    return 0


def apply_topics(of: Settings, *, dry_run: bool) -> int:
    """Make the cluster's topics match; a sentence each."""
    from streams.topics import apply_topics as apply  # noqa: PLC0415

    _say(apply(of.kafka, of.partitions, of.replication, dry_run=dry_run))
    return 0


def apply_tables(of: Settings, *, dry_run: bool) -> int:
    """Make the store's tables match; a sentence each."""
    from sinks.clickhouse import connect  # noqa: PLC0415
    from sinks.migrate import apply_tables as apply  # noqa: PLC0415

    client = connect(of.clickhouse, of.clickhouse_user, of.clickhouse_password.get_secret_value())
    try:
        _say(apply(client, dry_run=dry_run))
    finally:
        client.close()
    return 0


@contextmanager
def warmup_days(of: Settings) -> Iterator[Callable[[Warmup], list[DayRow]]]:
    """What the store knows of each day of a warm-up, while the connection is open."""
    from sinks.clickhouse import connect  # noqa: PLC0415
    from sinks.warmup_days import days_of  # noqa: PLC0415

    client = connect(of.clickhouse, of.clickhouse_user, of.clickhouse_password.get_secret_value())
    try:
        yield lambda warmup: days_of(client, warmup.tenant, warmup.ip, warmup.started_on)
    finally:
        client.close()


def _say(lines: list[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
