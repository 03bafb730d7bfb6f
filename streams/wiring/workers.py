"""The workers: Faust applications with their lanes, agents and clients."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from connectors.mailbox_providers import learn
from connectors.registry import connector
from schemas.settings import Settings
from schemas.topics import (
    ACTIVITY_EVENTS,
    AUTH_REPORTS,
    DEAD_LETTERS,
    EMAIL_EVENTS,
    STANDING_REPORTS,
    SUPPRESSIONS,
    WEBHOOKS,
)
from streams import mailbox_domains
from streams.clock import clock_ms
from streams.environment import codec, config
from streams.wiring.worker import GROUP, run_worker


def run_normalise(of: Settings) -> int:
    """Raw webhooks to canonical events."""
    from streams.agents import normalise  # noqa: PLC0415 - Faust takes half a second to import
    from streams.agents.app import worker_app  # noqa: PLC0415
    from streams.kafka import LogProducer  # noqa: PLC0415
    from streams.lane.lane import LaneSettings, RelayLane  # noqa: PLC0415
    from streams.telemetry import Telemetry  # noqa: PLC0415
    from streams.topics import partitions_of  # noqa: PLC0415

    found = partitions_of(
        of.kafka, WEBHOOKS, EMAIL_EVENTS, ACTIVITY_EVENTS, AUTH_REPORTS, STANDING_REPORTS, DEAD_LETTERS
    )
    configured = config(of)
    if of.mailbox_domains:
        learn(mailbox_domains.providers(mailbox_domains.read(Path(of.mailbox_domains))))
    log, stats, codec_ = LogProducer(of.kafka), Telemetry(), codec(of)
    app = worker_app(f"{GROUP}-normalise", of.kafka, session_timeout_ms=of.session_timeout_ms)
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
    return run_worker(app, of, lambda: lane.has_joined and log.is_available(), stats)


def run_suppression(of: Settings) -> int:
    """Email events to the suppression list, and answers from it over HTTP."""
    from streams.agents import suppression  # noqa: PLC0415 - Faust takes half a second to import
    from streams.agents.app import worker_app  # noqa: PLC0415
    from streams.health import HealthPage  # noqa: PLC0415
    from streams.kafka import LogProducer  # noqa: PLC0415
    from streams.lane.lane import LaneSettings  # noqa: PLC0415
    from streams.suppression.checks import Checks  # noqa: PLC0415
    from streams.suppression.keeper import Keeper  # noqa: PLC0415
    from streams.suppression.metrics import SuppressionMetrics  # noqa: PLC0415
    from streams.telemetry import Telemetry  # noqa: PLC0415
    from streams.topics import partitions_of  # noqa: PLC0415

    partitions_of(of.kafka, EMAIL_EVENTS, SUPPRESSIONS, DEAD_LETTERS)
    configured, codec_, log, stats = config(of), codec(of), LogProducer(of.kafka), Telemetry()
    metrics = SuppressionMetrics(stats.registry)
    app = worker_app(f"{GROUP}-suppression", of.kafka, session_timeout_ms=of.session_timeout_ms)
    keeper = Keeper(of.kafka, codec_, log, limit=of.suppression_entries, metrics=metrics)
    lane = suppression.EventsLane(
        app,
        LaneSettings(
            bootstrap=of.kafka,
            group=f"{GROUP}-suppression",
            topic=EMAIL_EVENTS.name,
            batch=2_000,  # the loop that reads them answers questions too
            flush_s=of.flush_s,
            session_timeout_ms=of.session_timeout_ms,
        ),
        keeper,
    )
    checks = Checks(
        configured,
        keeper.book,
        is_current=lambda: keeper.is_current,
        host=of.host,
        clock_ms=clock_ms,
        metrics=metrics,
    )

    def is_ready() -> bool:
        return keeper.is_current and lane.has_joined and log.is_available()

    app.service(HealthPage(of.host, of.suppression_port, is_ready, stats.registry, checks.routes()))
    app.service(keeper)
    app.service(lane)
    suppression.attach(app, lane, suppression.Suppressor(keeper, codec_, log, stats, metrics))
    return run_worker(app, of, is_ready, stats)
