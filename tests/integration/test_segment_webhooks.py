"""Webhooks of segments: every transition at its receiver, in order, whoever is killed; nobody waits for another."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # public, but not in __all__
from prometheus_client import CollectorRegistry

from connectors import control_http
from connectors.controls.base import ControlAnswer, ControlRequest
from schemas.errors import FailureCode, Transient
from schemas.failures import DeadLetter
from schemas.journey_webhooks import JourneyWebhook
from schemas.segment_webhooks import SegmentWebhook
from schemas.transitions import SegmentTransition
from streams.agents.segment_metrics import WebhookMetrics
from streams.agents.segment_webhooks import Teller
from streams.agents.transition_log import TransitionLog
from streams.core.segments.outlet import Outlet
from streams.lane.settings import LaneSettings
from streams.local import processes
from streams.local.broker import Broker
from tests.brokers import StartKafka
from tests.segment_flow import CODEC, START, Flow
from tests.webhook_receiver import SECRET, TAKEN, Answer, Receiver

CONFIG = """
tenants: [{{name: acme}}]
segments: rules.yaml
segment_history: false
segment_webhooks:
  - {{name: crm, tenant: acme, url: "{crm}", secret: "{secret}", begin: earliest, max_per_s: 1000}}
  - {{name: silent, tenant: acme, url: "{silent}", secret: "{secret}", begin: earliest}}
"""


@pytest.fixture
def flow(tmp_path: Path, start_kafka: StartKafka) -> Iterator[Flow]:
    made = Flow(start_kafka(tmp_path / "kafka").bootstrap, tmp_path)
    yield made
    made.close()


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    made: list[Receiver] = []
    yield made
    for receiver in made:
        receiver.end()


def told(receiver: Receiver) -> set[str]:
    """The ids that it has taken, some of them perhaps more than once."""
    return {post.webhook_id for post in receiver.taken}


def firsts(receiver: Receiver) -> dict[str, list[str]]:
    """By recipient the ids in the order in which they were first taken."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for post in receiver.taken:
        found[json.loads(post.body)["data"]["recipient_key"]][post.webhook_id] = None
    return {who: list(ids) for who, ids in found.items()}


@pytest.mark.kafka
def test_kills_lose_no_transition_and_a_silent_receiver_delays_neither_segments_nor_another_one(
    flow: Flow, receivers: list[Receiver]
) -> None:
    dice, busy = Random(3), Random(4)

    def sometimes(_: str) -> Answer:
        return TAKEN if busy.random() > 0.1 else (500, {}) if busy.random() > 0.2 else (429, {"retry-after": "0"})

    crm, silent = Receiver(sometimes), Receiver(lambda _: None)
    receivers += [crm, silent]
    config = CONFIG.format(crm=crm.url, silent=silent.url, secret=SECRET)
    (flow.folder / "mailweir.yaml").write_text(config, encoding="utf-8")
    flow.begin()
    flow.feed(600, dice)
    flow.wait(lambda: len(crm.taken) > 50, workers=1)
    processes.kill(flow.workers[0])
    flow.feed(300, dice)
    flow.wait(lambda: flow.is_done, workers=1)

    flow.check(is_each_once=True, steps_at_least=0)  # journeys are not configured
    truth = {who: [CODEC.decode(v, SegmentTransition).transition_id for v in of] for who, of in flow.truth()[0].items()}
    flow.wait(lambda: told(crm) >= {id_ for ids in truth.values() for id_ in ids}, workers=1)
    assert firsts(crm) == truth
    assert all(post.is_signed for post in (*crm.posts, *silent.posts))
    bodies = defaultdict(set)
    for post in crm.posts:
        bodies[post.webhook_id].add(post.body)
    assert {len(different) for different in bodies.values()} == {1}
    assert len(crm.posts) > len(bodies)
    assert silent.posts
    flow.leave()


FASTER = 20  # so much faster goes the time of an outlet: a breaker's minute is three seconds


class Bench:
    """A topic of its own with a receiver's teller, in this process; what is produced comes in transactions."""

    webhook: type[SegmentWebhook | JourneyWebhook] = SegmentWebhook

    def __init__(self, bootstrap: str, topic: str, receiver: Receiver) -> None:
        self.bootstrap, self.topic, self.receiver = bootstrap, topic, receiver
        self.buried: list[DeadLetter] = []
        self.can_bury = True
        self._numbers = iter(range(1_000_000))
        admin = AdminClient({"bootstrap.servers": bootstrap})
        admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(10)
        self._producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic})
        self._producer.init_transactions(30)

    def produce(self, count: int, *, recipients: int = 5, is_aborted: bool = False) -> list[str]:
        """The ids of that many records, in the order of the log."""
        self._producer.begin_transaction()
        ids = []
        for number in (next(self._numbers) for _ in range(count)):
            item = self.record(number, recipients)
            ids.append(id_of(number))
            self._producer.produce(self.topic, CODEC.encode(item), partition=0)
        if is_aborted:
            self._producer.flush(30)
            self._producer.abort_transaction(30)
        else:
            self._producer.commit_transaction(30)
        return ids

    def record(self, number: int, recipients: int) -> Any:
        return transition(number, recipients)

    @asynccontextmanager
    async def telling(self, **keys: Any) -> AsyncIterator[Teller]:
        """A teller that has joined."""
        webhook = self.webhook.model_validate(
            {"name": "crm", "tenant": "acme", "url": self.receiver.url, "secret": SECRET, "begin": "earliest", **keys}
        )
        settings = LaneSettings(bootstrap=self.bootstrap, group=self.topic, topic=self.topic, session_timeout_ms=6_000)
        async with httpx.AsyncClient() as client:

            async def send(request: ControlRequest, timeout_s: float) -> ControlAnswer:
                return await control_http.send(client, request, timeout_s / FASTER)

            self.outlet = Outlet(webhook, send, lambda: int(time.time() * 1000 * FASTER), sleep_faster)
            log = TransitionLog(settings, webhook.begin)
            teller = Teller(log, self.outlet, CODEC, self.bury, WebhookMetrics(CollectorRegistry()))
            await teller.start()
            try:
                await until(lambda: teller.has_joined)
                yield teller
            finally:
                await teller.stop()

    async def bury(self, letter: DeadLetter) -> None:
        if not self.can_bury:
            raise Transient("the broker is away", 1.0)
        self.buried.append(letter)


async def sleep_faster(seconds: float) -> None:
    await asyncio.sleep(seconds / FASTER)


async def until(so: Callable[[], bool], deadline_s: float = 60) -> None:
    async with asyncio.timeout(deadline_s):
        while not so():  # noqa: ASYNC110 - what is waited for happens in other threads
            await asyncio.sleep(0.02)


def id_of(number: int) -> str:
    return f"{number:032x}"


def transition(number: int, recipients: int) -> SegmentTransition:
    return SegmentTransition(
        transition_id=id_of(number),
        tenant="acme",
        recipient_key=id_of(number % recipients),
        segment_id="vip",
        rule_version="a",
        is_member=1 - number // recipients % 2,
        detected_at=START + number,
        effective_at=START + number,
        cause="",
        number=number // recipients + 1,
    )


@pytest.fixture
def bench(kafka: Broker, unique: Callable[[str], str], receivers: list[Receiver]) -> Bench:
    receivers.append(Receiver())
    return Bench(kafka.bootstrap, unique("transitions"), receivers[0])


@pytest.fixture
def on_each(broker: Broker, unique: Callable[[str], str], receivers: list[Receiver]) -> Bench:
    receivers.append(Receiver())
    return Bench(broker.bootstrap, unique("transitions"), receivers[0])


@pytest.mark.kafka
async def test_a_receiver_that_fails_limits_hangs_and_goes_away_gets_everything_in_order_when_it_is_back(
    bench: Bench,
) -> None:
    crm = bench.receiver
    at_first: dict[str, Answer | None] = {id_of(7): None, id_of(8): (500, {}), id_of(9): (429, {"retry-after": "20"})}
    crm.answer = lambda id_: at_first.pop(id_, TAKEN)
    ids = bench.produce(40)
    never = bench.produce(10, is_aborted=True)
    async with bench.telling():
        await until(lambda: told(crm) >= set(ids))
        crm.close()
        ids += bench.produce(40)
        await until(lambda: bool(bench.outlet.trouble))
        crm.open()
        await until(lambda: told(crm) >= set(ids))
    assert {post.status for post in crm.posts} == {0, 204, 429, 500}
    assert not {post.webhook_id for post in crm.posts} & set(never)
    assert firsts(crm) == {id_of(who): [id_ for id_ in ids if int(id_, 16) % 5 == who] for who in range(5)}
    assert not bench.buried


@pytest.mark.kafka
async def test_what_a_receiver_refuses_or_never_takes_is_buried_and_the_rest_goes_on(bench: Bench) -> None:
    refused, failing = id_of(3), id_of(4)
    bench.receiver.answer = lambda id_: {refused: (422, {}), failing: (500, {})}.get(id_, TAKEN)
    ids = bench.produce(60)
    async with bench.telling():
        while len(bench.buried) < 2:  # others show that the receiver works, so that it is not to blame
            ids += bench.produce(5)
            await asyncio.sleep(0.2)
        await until(lambda: told(bench.receiver) >= set(ids) - {refused, failing})
    assert not told(bench.receiver) & {refused, failing}
    by_id = {CODEC.decode(letter.original, SegmentTransition).transition_id: letter for letter in bench.buried}
    assert by_id[refused].reason == "refused with 422: no text"
    assert by_id[failing].reason == "given up after 8 attempts: answered 500"
    assert {letter.code for letter in bench.buried} == {FailureCode.NOT_TAKEN}
    assert {(letter.tenant, letter.source, letter.origin_topic) for letter in bench.buried} == {
        ("acme", "crm", bench.topic)
    }


async def test_what_could_not_be_buried_is_not_overtaken_by_what_follows_it(on_each: Bench) -> None:
    refused = id_of(3)
    on_each.receiver.answer = lambda id_: (422, {}) if id_ == refused else TAKEN
    on_each.can_bury = False
    ids = on_each.produce(60)
    async with on_each.telling() as teller:
        await until(lambda: teller.crashed)
        await asyncio.sleep(0)
    theirs = [id_ for id_ in ids if int(id_, 16) % 5 == 3]
    assert not told(on_each.receiver) & set(theirs)
    on_each.can_bury = True
    async with on_each.telling():
        await until(lambda: told(on_each.receiver) >= set(ids) - {refused})
    assert firsts(on_each.receiver)[id_of(3)] == theirs[1:]
    assert len(on_each.buried) == 1


async def test_a_new_webhook_begins_now_and_a_stopped_one_where_it_was(on_each: Bench) -> None:
    never = on_each.produce(10)
    async with on_each.telling(begin="now"):
        first = on_each.produce(10)
        await until(lambda: told(on_each.receiver) >= set(first))
    second = on_each.produce(10)
    async with on_each.telling(begin="now"):
        await until(lambda: told(on_each.receiver) >= set(second))
    assert not told(on_each.receiver) & set(never)
