"""The workers: Faust applications with their lanes, agents and clients."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from connectors.mailbox_providers import learn
from connectors.registry import connector
from schemas.settings import Settings
from schemas.topics import (
    ACTIVITY_EVENTS,
    AUTH_REPORTS,
    DEAD_LETTERS,
    DECISIONS,
    EMAIL_EVENTS,
    OUTCOMES,
    REPUTATION_PARTIALS,
    REPUTATION_SCORES,
    STANDING_REPORTS,
    WEBHOOKS,
)
from streams import logs, mailbox_domains
from streams.clock import clock_ms
from streams.environment import codec, config

GROUP = "mailweir"


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
