"""The composition root: builds each service from settings and runs it until it is told to stop.

The only module that knows the concrete classes of everything. A service is a function `run_*(settings) -> exit code`.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from connectors.mailbox_providers import learn
from connectors.registry import connector
from schemas.config import Config, Settings
from schemas.topics import (
    ACTIVITY_EVENTS,
    DEAD_LETTERS,
    DECISIONS,
    EMAIL_EVENTS,
    OUTCOMES,
    REPUTATION_PARTIALS,
    REPUTATION_SCORES,
    WEBHOOKS,
)
from streams import logs, mailbox_domains
from streams.clock import clock_ms
from streams.environment import codec, config, trusted_certificates

GROUP = "mailweir"


def run_normalise(of: Settings) -> int:
    """Raw webhooks to canonical events."""
    from streams.agents import normalise  # noqa: PLC0415 - Faust takes half a second to import
    from streams.agents.app import worker_app  # noqa: PLC0415
    from streams.kafka import LogProducer  # noqa: PLC0415
    from streams.lane.lane import LaneSettings, RelayLane  # noqa: PLC0415
    from streams.telemetry import Telemetry  # noqa: PLC0415
    from streams.topics import partitions_of  # noqa: PLC0415

    found = partitions_of(of.kafka, WEBHOOKS, EMAIL_EVENTS, ACTIVITY_EVENTS, DEAD_LETTERS)
    configured = config(of)
    if of.mailbox_domains:
        learn(mailbox_domains.providers(mailbox_domains.read(Path(of.mailbox_domains))))
    log, stats, codec_ = LogProducer(of.kafka), Telemetry(), codec(of)
    app = worker_app(f"{GROUP}-normalise", of.kafka, is_lane=True, session_timeout_ms=of.session_timeout_ms)
    lane = RelayLane(
        app,
        LaneSettings(
            bootstrap=of.kafka,
            group=f"{GROUP}-normalise",
            topic=WEBHOOKS.name,
            batch=500,  # requests, each of up to megabytes
            flush_s=of.flush_s,
            session_timeout_ms=of.session_timeout_ms,
        ),
    )
    app.service(lane)
    if of.tick_s:
        writer = f"{socket.gethostname()}-{os.getpid()}"
        app.service(
            normalise.TickWriter(log, codec_, every_s=of.tick_s, partitions=found, writer=writer, clock_ms=clock_ms)
        )
    normalise.attach(app, lane, normalise.Normaliser(configured, codec_, connector, stats), log)
    return _run_worker(app, of, lambda: lane.has_joined and log.is_available(), stats)


def run_reputation(of: Settings) -> int:
    """Email events to counts (the lane), counts to scores (the scorer)."""
    from streams.agents import reputation  # noqa: PLC0415 - Faust takes half a second to import
    from streams.agents.app import worker_app  # noqa: PLC0415
    from streams.agents.scorer import Scorer  # noqa: PLC0415
    from streams.core.partials import PartitionCounts  # noqa: PLC0415
    from streams.core.reputation.detectors import DETECTORS  # noqa: PLC0415
    from streams.core.reputation.score import score  # noqa: PLC0415
    from streams.kafka import LogProducer  # noqa: PLC0415
    from streams.lane.changelog import StatefulLane  # noqa: PLC0415
    from streams.lane.guard import apart  # noqa: PLC0415
    from streams.lane.lane import LaneSettings  # noqa: PLC0415
    from streams.telemetry import Telemetry  # noqa: PLC0415
    from streams.topics import partitions_of  # noqa: PLC0415

    found = partitions_of(of.kafka, EMAIL_EVENTS, REPUTATION_PARTIALS, REPUTATION_SCORES, DEAD_LETTERS)
    stats, codec_ = Telemetry(), codec(of)
    app = worker_app(f"{GROUP}-reputation", of.kafka, is_lane=True, session_timeout_ms=of.session_timeout_ms)
    lane = StatefulLane(
        app,
        LaneSettings(
            bootstrap=of.kafka,
            group=f"{GROUP}-reputation",
            topic=EMAIL_EVENTS.name,
            flush_s=of.flush_s,
            session_timeout_ms=of.session_timeout_ms,
        ),
        changelog=REPUTATION_PARTIALS.name,
        codec=codec_,
        new_state=lambda number: PartitionCounts(number, codec_, apart),
    )
    scorer = Scorer(
        of.kafka,
        log_producer=LogProducer(of.kafka),
        codec=codec_,
        score_key=lambda view, now_ms: score(view, DETECTORS, now_ms),
        partitions=found[REPUTATION_PARTIALS],
        every_s=of.flush_s,
        session_timeout_ms=of.session_timeout_ms,
        clock_ms=clock_ms,
        stats=stats,
    )
    app.service(lane)
    app.service(scorer)
    reputation.attach(app, lane, stats)
    return _run_worker(app, of, lambda: lane.has_joined and scorer.is_ready, stats)


def run_remediation(of: Settings) -> int:
    """Scores to decisions, decisions to calls of the senders' APIs."""
    import asyncio  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    from connectors.control_http import send  # noqa: PLC0415
    from streams.agents import remediation  # noqa: PLC0415
    from streams.agents.app import worker_app  # noqa: PLC0415
    from streams.core.remediation.execute import execute  # noqa: PLC0415
    from streams.kafka import LogProducer  # noqa: PLC0415
    from streams.lane.lane import LaneSettings  # noqa: PLC0415
    from streams.telemetry import Telemetry  # noqa: PLC0415
    from streams.topics import partitions_of  # noqa: PLC0415

    partitions_of(of.kafka, REPUTATION_SCORES, DECISIONS, OUTCOMES, DEAD_LETTERS)
    stats, log = Telemetry(), LogProducer(of.kafka)
    app = worker_app(f"{GROUP}-remediation", of.kafka, is_lane=False, session_timeout_ms=of.session_timeout_ms)
    client = httpx.AsyncClient()
    tools = remediation.Tools(
        bootstrap=of.kafka,
        config=config(of),
        codec=codec(of),
        log=log,
        execute=lambda decision, source: execute(decision, source, partial(send, client), clock_ms, asyncio.sleep),
        clock_ms=clock_ms,
        stats=stats,
    )
    worker = remediation.Remediation(tools)
    lane = remediation.ScoresLane(
        app,
        LaneSettings(
            bootstrap=of.kafka,
            group=f"{GROUP}-remediation-scores",
            topic=REPUTATION_SCORES.name,
            batch=500,
            flush_s=of.flush_s,
            session_timeout_ms=of.session_timeout_ms,
        ),
        worker,
    )
    app.service(lane)
    remediation.attach(app, lane, worker)
    return _run_worker(app, of, lambda: lane.has_joined and log.is_available(), stats)


def run_gateway(of: Settings) -> int:
    """Webhooks over HTTP into the log, in one process or in several that share the port."""
    from streams.gateway.processes import run_processes, shared_sockets  # noqa: PLC0415

    logs.set_up(of.log_level)
    configured = config(of)
    if of.gateway_processes == 1:
        return _serve_gateway(of, configured, (of.host, of.gateway_port))

    def serve(number: int, given: socket.socket) -> int:
        pages = (of.host, of.metrics_port + number) if of.metrics_port else None
        return _serve_gateway(of, configured, given, pages=pages)

    return run_processes(shared_sockets(of.host, of.gateway_port, of.gateway_processes), serve)


def _serve_gateway(of: Settings, configured: Config, address: Any, *, pages: tuple[str, int] | None = None) -> int:
    """One gateway process. `address`: host and port, or a bound socket that is shared with other processes."""
    import asyncio  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    from streams.gateway.app import build_app  # noqa: PLC0415
    from streams.gateway.certificates import HttpCertificates  # noqa: PLC0415
    from streams.gateway.server import serve  # noqa: PLC0415
    from streams.kafka import LogProducer  # noqa: PLC0415

    trusted = trusted_certificates()

    async def run() -> None:
        log = LogProducer(of.kafka, ack_timeout_s=configured.limits.ack_timeout_s)
        with httpx.Client() as fetcher:
            async with httpx.AsyncClient() as client:
                app = build_app(
                    configured,
                    log,
                    HttpCertificates(fetcher, trusted=trusted),
                    codec(of),
                    clock_ms,
                    connectors=connector,
                    client=client,
                    is_alone=isinstance(address, tuple),
                )
                await serve(app, log, address=address, pages=pages, stop=asyncio.Event())

    asyncio.run(run())
    return 0


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

    from dashboards.console.app import SAMPLING, build_console  # noqa: PLC0415
    from dashboards.console.server import serve  # noqa: PLC0415
    from sinks.clickhouse import connect  # noqa: PLC0415

    logs.set_up(of.log_level)
    secret = of.clickhouse_password.get_secret_value()
    gateway_url = config(of).public_url or f"http://{of.host}:{of.gateway_port}"

    async def run() -> None:
        app = build_console(
            lambda: connect(of.clickhouse, of.clickhouse_user, secret), clock_ms, gateway_url=gateway_url
        )
        await serve(app, of.host, of.console_port, watch=SAMPLING)

    asyncio.run(run())
    return 0


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


def _say(lines: list[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _run_worker(app: Any, of: Settings, is_ready: Callable[[], bool], stats: Any) -> int:
    """Run a Faust app until SIGTERM or SIGINT: 0; 1 after a crash (the supervisor starts it anew)."""
    from faust.worker import Worker  # noqa: PLC0415

    from streams.health import HealthPage  # noqa: PLC0415

    logs.set_up(of.log_level)
    app.service(HealthPage(of.host, of.metrics_port, is_ready, stats.registry))
    worker = Worker(app, loglevel=of.log_level, quiet=True, redirect_stdouts=False, override_logging=False)
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0
