"""What judges: reputation (counts, verdicts, scores) and remediation (decisions, and what comes of them)."""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from schemas.settings import Settings
from schemas.topics import (
    DEAD_LETTERS,
    DECISIONS,
    EMAIL_EVENTS,
    OUTCOMES,
    REMEDIATION_STATES,
    REPUTATION_PARTIALS,
    REPUTATION_SCORES,
    REPUTATION_SLOTS,
    RULINGS,
    STANDING_REPORTS,
    VERDICTS,
    WATCH_STATES,
)
from streams.clock import clock_ms
from streams.environment import codec, config, learned
from streams.wiring.worker import GROUP, lane_settings, run_worker

if TYPE_CHECKING:
    from schemas.aggregates import ReputationScore
    from schemas.avro import Codec
    from streams.agents.remediation import Tools
    from streams.agents.scorer import Scorer
    from streams.core.partials import PartitionCounts
    from streams.core.reputation.context import Context
    from streams.core.reputation.ledger import KeyView
    from streams.core.reputation.watching import WatchLog
    from streams.kafka import LogProducer
    from streams.lane.changelog import StatefulLane
    from streams.telemetry import Telemetry

# Imports of what Faust or the compiled loops need are inside: they take a second, and every command comes by here.
# ruff: noqa: PLC0415


def run_reputation(of: Settings) -> int:
    """Email events to counts (a lane), counts to verdicts (the watch's lane) and scores (the scorer)."""
    from streams.agents import folding
    from streams.agents.app import worker_app
    from streams.telemetry import Telemetry
    from streams.topics import partitions_of

    found = partitions_of(
        of.kafka, EMAIL_EVENTS, REPUTATION_PARTIALS, REPUTATION_SCORES, REPUTATION_SLOTS, WATCH_STATES, VERDICTS,
        STANDING_REPORTS, DEAD_LETTERS,
    )  # fmt: skip
    stats, codec_ = Telemetry(), codec(of)
    app = worker_app(f"{GROUP}-reputation", of.kafka, session_timeout_ms=of.session_timeout_ms)
    counting, watch = _counting(app, of, codec_), _watch(app, of, codec_, found[EMAIL_EVENTS])
    scorer = _scorer(of, codec_, watch, found[REPUTATION_PARTIALS], stats)
    for service in (counting, watch, scorer):
        app.service(service)
    folding.attach(app, counting, stats.show_counted)
    folding.attach(app, watch, lambda *_: None)
    return run_worker(app, of, lambda: counting.has_joined and scorer.is_ready, stats)


def _counting(app: Any, of: Settings, codec_: Codec) -> StatefulLane[PartitionCounts]:
    from streams.core.partials import PartitionCounts
    from streams.lane.changelog import StatefulLane
    from streams.lane.guard import apart

    return StatefulLane(
        app,
        lane_settings(of, "reputation", EMAIL_EVENTS),
        changelog=REPUTATION_PARTIALS.name,
        codec=codec_,
        new_state=lambda number: PartitionCounts(number, codec_, apart),
    )


def _watch(app: Any, of: Settings, codec_: Codec, partitions: int) -> StatefulLane[WatchLog]:
    from streams.core.reputation.learned import parameters_of
    from streams.core.reputation.watch import Watch
    from streams.core.reputation.watching import WatchLog
    from streams.lane.changelog import StatefulLane

    parameters = parameters_of(learned(of))

    def new_state(_: int) -> WatchLog:
        return WatchLog(partitions, codec_, Watch(parameters), guard=Lock())  # the scorer is another thread

    settings = lane_settings(of, "watch", REPUTATION_SLOTS, batch=500)  # blocks, each of up to megabytes
    return StatefulLane(app, settings, changelog=WATCH_STATES.name, codec=codec_, new_state=new_state)


def _scorer(of: Settings, codec_: Codec, watch: StatefulLane[WatchLog], partitions: int, stats: Telemetry) -> Scorer:
    from streams.agents.scorer import Scorer
    from streams.core.reputation.score import score
    from streams.kafka import LogProducer

    def score_key(view: KeyView, now_ms: int, context: Context) -> ReputationScore:
        watching = watch.parts.get(0)
        return score(view, watching.state.signals(view.key) if watching else (), now_ms, context)

    return Scorer(
        of.kafka,
        log_producer=LogProducer(of.kafka),
        codec=codec_,
        score_key=score_key,
        leads=lambda: 0 in watch.parts if watch.has_joined else None,
        partitions=partitions,
        every_s=of.flush_s,
        clock_ms=clock_ms,
        stats=stats,
    )


def run_remediation(of: Settings) -> int:
    """Verdicts to decisions, decisions to calls of the senders' APIs."""
    from streams.agents import remediation
    from streams.agents.app import worker_app
    from streams.core.remediation.desk import Desk
    from streams.core.remediation.desk_log import DeskLog
    from streams.core.remediation.possible import policies
    from streams.kafka import LogProducer
    from streams.lane.work_lane import WorkLane
    from streams.telemetry import Telemetry
    from streams.topics import partitions_of

    partitions_of(
        of.kafka, VERDICTS, REMEDIATION_STATES, DECISIONS, RULINGS, STANDING_REPORTS, OUTCOMES, DEAD_LETTERS
    )  # fmt: skip
    stats, log, codec_ = Telemetry(), LogProducer(of.kafka), codec(of)
    policy_of = policies(config(of))
    app = worker_app(f"{GROUP}-remediation", of.kafka, session_timeout_ms=of.session_timeout_ms)
    hands = remediation.Hands(_tools(of, codec_, log, stats))
    desk = remediation.DeskLane(
        app,
        lane_settings(of, "remediation-desk", VERDICTS, batch=500),
        changelog=REMEDIATION_STATES.name,
        codec=codec_,
        new_state=lambda _: DeskLog(Desk(policy_of), codec_),
        stats=stats,
    )
    hands.restore()
    rulings = WorkLane(app, lane_settings(of, "remediation-rulings", RULINGS, batch=500))
    reports = WorkLane(app, lane_settings(of, "remediation-reports", STANDING_REPORTS, batch=500))
    decisions = remediation.DecisionLane(
        app, lane_settings(of, "remediation-decisions", DECISIONS, batch=500), hands=hands
    )
    for service in (hands, desk, rulings, reports, decisions):
        app.service(service)
    remediation.attach(app, hands, desk, rulings=rulings, reports=reports, decisions=decisions)

    def is_ready() -> bool:
        return all(lane.has_joined for lane in (desk, rulings, reports, decisions)) and log.is_available()

    return run_worker(app, of, is_ready, stats)


def _tools(of: Settings, codec_: Codec, log: LogProducer, stats: Telemetry) -> Tools:
    """The clients that carry decisions out and tell people."""
    import asyncio

    import httpx

    from connectors import alert_delivery
    from connectors.control import TopicRecord
    from connectors.control_send import Sender
    from streams.agents.remediation import Tools
    from streams.core.remediation.announce import deliver
    from streams.core.remediation.execute import Executor
    from streams.kafka import Record

    client = httpx.AsyncClient()

    async def produce(wish: TopicRecord) -> None:
        headers = tuple((name, text.encode()) for name, text in wish.headers.items())
        await log.send_all([Record(wish.topic, wish.value, wish.key, headers=headers)])

    return Tools(
        bootstrap=of.kafka,
        config=config(of),
        codec=codec_,
        log=log,
        execute=Executor(Sender(client, produce), clock_ms, asyncio.sleep).execute,
        deliver=lambda message, alert: deliver(
            message, alert, partial(alert_delivery.send, client), clock_ms, asyncio.sleep
        ),
        clock_ms=clock_ms,
        stats=stats,
    )
