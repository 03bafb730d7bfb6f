"""Segments: two relays that make one log of both event topics, the lane that keeps who is where, and webhooks."""

from __future__ import annotations

import time
from collections.abc import Hashable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.config import Config
from schemas.errors import Misconfigured
from schemas.journey_webhooks import JourneyWebhook
from schemas.journeys.configured import configured_journeys, configured_journeys_stamp
from schemas.segment_webhooks import SegmentWebhook
from schemas.segments.configured import configured_segments, configured_stamp
from schemas.settings import Settings
from schemas.topics import (
    ACTIVITY_EVENTS,
    DEAD_LETTERS,
    EMAIL_EVENTS,
    JOURNEY_STEPS,
    RECIPIENT_EVENTS,
    SEGMENT_RULES,
    SEGMENT_STATES,
    SEGMENT_STATUSES,
    SEGMENT_TRANSITIONS,
    Topic,
)
from streams.clock import clock_ms
from streams.environment import codec, config
from streams.wiring.worker import GROUP, lane_settings, run_worker

if TYPE_CHECKING:
    from schemas.failures import DeadLetter
    from streams.agents.segment_builder import Builder
    from streams.agents.segment_rules import RuleSet
    from streams.agents.segment_webhooks import Teller
    from streams.agents.segments import SegmentsLane
    from streams.core.segments.announced import Wanted
    from streams.kafka import LogProducer
    from streams.lane.lane import Lane, RelayLane
    from streams.telemetry import Telemetry

# Imports of what Faust or the compiled loops need are inside: they take a second, and every command comes by here.
# ruff: noqa: PLC0415

_SOURCES = {"segments-mail": EMAIL_EVENTS, "segments-activities": ACTIVITY_EVENTS}
_RELAYED = 2_000  # a batch is acknowledged before the next one; half an hour of ticks where nothing else happens
_FLUSH_S = 0.25  # an event may wait for two of them, and the same key is seldom in both
_BATCH = 1_000  # events: the event loop is held for some 50 ms


def run_segments(of: Settings) -> int:
    """Both event topics to one, and that to transitions."""
    from streams.agents import relay, segments
    from streams.agents.abreast import Abreast
    from streams.agents.app import worker_app
    from streams.agents.segment_metrics import SegmentMetrics
    from streams.agents.segment_rules import RuleSet
    from streams.kafka import LogProducer
    from streams.telemetry import Telemetry

    stats, found = Telemetry(), config(of)
    metrics = SegmentMetrics(stats.registry)
    rules = RuleSet(lambda: _wanted(found, of.config), lambda: _stamp(found, of.config))
    partitions = _check_topics(of)
    log = LogProducer(of.kafka)
    app = worker_app(f"{GROUP}-segments", of.kafka, session_timeout_ms=of.session_timeout_ms)
    lane = _lane(app, of)
    builder = _builder(of, rules, log, lane, partitions)
    metrics.follow(rules, builder)
    relays = {name: _relay(app, of, name, topic) for name, topic in _SOURCES.items()}
    tellers = _tellers(of, log, stats)
    for service in (lane, builder, *relays.values(), *tellers):
        app.service(service)
    segments.attach(app, lane, metrics.show, stats.count_dead)
    abreast, codec_ = Abreast(time.monotonic), codec(of)
    for name, each in relays.items():
        relay.attach(app, each, relay.Relay(name, RECIPIENT_EVENTS, log, codec_, abreast))

    def is_ready() -> bool:
        readers: list[Lane[Any] | Teller] = [lane, *relays.values(), *tellers]
        return all(each.has_joined for each in readers) and log.is_available()

    return run_worker(app, of, is_ready, stats)


def _builder(of: Settings, rules: RuleSet, log: LogProducer, lane: SegmentsLane, partitions: int) -> Builder:
    """Announces the rules of tenants that have none yet. Raises Transient when the log is away."""
    from sinks.clickhouse import connect
    from sinks.settings import SinkSettings
    from streams.agents.segment_announcements import Announcements
    from streams.agents.segment_builder import Builder
    from streams.agents.segment_past import Past, Sink
    from streams.wiring.stored_facts import read_stored

    has_past, codec_ = config(of).segment_history, codec(of)
    announcements = Announcements(of.kafka, log, codec_, partitions)
    announcements.begin(rules.wanted, clock_ms(), has_past=has_past)
    past = None
    if has_past:
        secret = of.clickhouse_password.get_secret_value()
        sink = Sink(bootstrap=of.kafka, group=SinkSettings().group, partitions=partitions)
        store = partial(connect, of.clickhouse, of.clickhouse_user, secret)
        past = Past(partial(read_stored, store), sink, log, codec_, lane.clock, lane.past_read)
    return Builder(rules, announcements, past, lambda: lane.leads, clock_ms)


def _lane(app: Any, of: Settings) -> SegmentsLane:
    from streams.agents.segment_state import FORM, SegmentState
    from streams.agents.segments import SegmentsLane
    from streams.core.segments.row import timer_of
    from streams.lane.disk import DiskRows
    from streams.lane.rocks import Memory

    memory, codec_ = Memory(), codec(of)

    def new_state(number: int) -> SegmentState:
        home = of.data / f"{GROUP}-segments" / str(number)
        return SegmentState(number, DiskRows(home, memory, clock_ms, order=timer_of, form=FORM), codec_)

    flush_s = min(of.flush_s, _FLUSH_S)
    settings = lane_settings(of, "segments", RECIPIENT_EVENTS, batch=_BATCH, flush_s=flush_s, fetch_kbytes=32_768)
    return SegmentsLane(app, settings, changelog=SEGMENT_STATES.name, codec=codec_, new_state=new_state)


def _relay(app: Any, of: Settings, name: str, topic: Topic) -> RelayLane:
    from streams.lane.lane import RelayLane

    return RelayLane(app, lane_settings(of, name, topic, with_keys=True, batch=_RELAYED, fetch_kbytes=16_384))


def _tellers(of: Settings, log: LogProducer, stats: Telemetry) -> list[Teller]:
    """One for each webhook, with a group and connections of its own."""
    import asyncio

    import httpx

    from connectors import control_http
    from schemas.errors import FailureCode
    from schemas.failures import Stage
    from streams.agents.segment_metrics import WebhookMetrics
    from streams.agents.segment_webhooks import Teller
    from streams.agents.transition_log import TransitionLog
    from streams.core.segments.outlet import Outlet
    from streams.kafka import Record
    from streams.lane.guard import persist

    metrics, codec_ = WebhookMetrics(stats.registry), codec(of)

    async def bury(letter: DeadLetter) -> None:
        records = [Record(DEAD_LETTERS.name, codec_.encode(letter), letter.dead_letter_id.encode())]
        await persist(f"writing to {DEAD_LETTERS.name}", lambda: log.send_all(records))
        stats.count_dead(Stage.SEGMENTS, FailureCode(letter.code))

    tellers, found = [], config(of)
    webhooks: list[SegmentWebhook | JourneyWebhook] = [*found.segment_webhooks, *found.journey_webhooks]
    for webhook in webhooks:
        topic = SEGMENT_TRANSITIONS if isinstance(webhook, SegmentWebhook) else JOURNEY_STEPS
        group = f"{webhook.called.replace(' ', '-')}-{webhook.name}"
        settings = lane_settings(of, group, topic, fetch_kbytes=1_024)
        outlet = Outlet(webhook, partial(control_http.send, httpx.AsyncClient()), clock_ms, asyncio.sleep)
        tellers.append(Teller(TransitionLog(settings, webhook.begin), outlet, codec_, bury, metrics))
    return tellers


def _check_topics(of: Settings) -> int:
    """How many partitions recipients have. Raises Transient for a topic that is not there, Misconfigured for those
    that do not fit together."""
    from streams.topics import partitions_of

    together = (RECIPIENT_EVENTS, *_SOURCES.values(), SEGMENT_STATES)
    others = (SEGMENT_TRANSITIONS, JOURNEY_STEPS, SEGMENT_RULES, SEGMENT_STATUSES, DEAD_LETTERS)
    found = partitions_of(of.kafka, *together, *others)
    for topic in together:
        if found[topic] != found[RECIPIENT_EVENTS]:
            raise Misconfigured(
                f"{topic.name} has {found[topic]} partitions, {RECIPIENT_EVENTS.name} has {found[RECIPIENT_EVENTS]};"
                f" a recipient's events must meet: delete the topic that is wrong and run `mailweir topics apply`"
            )
    return found[RECIPIENT_EVENTS]


def _wanted(found: Config, file: Path) -> dict[str, Wanted]:
    """The segments and journeys of each tenant. Raises Misconfigured."""
    from streams.core.segments.announced import Wanted

    segments = configured_segments(found, file)
    journeys = configured_journeys(found, file, segments)
    tenants = sorted({*segments, *journeys})
    return {tenant: Wanted(segments.get(tenant, []), journeys.get(tenant, [])) for tenant in tenants}


def _stamp(found: Config, file: Path) -> Hashable:
    return configured_stamp(found, file), configured_journeys_stamp(found, file)
