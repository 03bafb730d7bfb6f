"""Webhooks of journeys: every call at its receiver, in order and with its data, and other steps nowhere."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from schemas.journey_webhooks import JourneyWebhook
from schemas.journeys.steps import JourneyStep, StepKind
from streams.local import processes
from streams.local.broker import Broker
from tests.brokers import StartKafka
from tests.integration.test_segment_webhooks import Bench, firsts, id_of, told, until
from tests.segment_flow import CODEC, START, Flow
from tests.webhook_receiver import SECRET, TAKEN, Answer, Receiver


class Calls(Bench):
    """Steps, of which every third is no call, or another webhook's."""

    webhook = JourneyWebhook

    def record(self, number: int, recipients: int) -> JourneyStep:
        return step(number, recipients)


def step(number: int, recipients: int) -> JourneyStep:
    kind, outcome = OTHERS.get(number % 6, (StepKind.CALLED, "crm"))
    return JourneyStep(
        step_id=id_of(number), tenant="acme", recipient_key=id_of(number % recipients), journey_id="j", version="v",
        run_id=id_of(number % recipients), number=number + 1, kind=kind, outcome=outcome, place="steps[0]",
        at=START + number, cause="", key=json.dumps(f"c{number}"), data=json.dumps({"n": number}),
    )  # fmt: skip


OTHERS = {2: (StepKind.LEFT, "done"), 5: (StepKind.CALLED, "shop")}
"""By the number's rest: what this receiver is not told of."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.end()


@pytest.mark.kafka
async def test_calls_come_signed_in_order_with_their_data_and_what_is_refused_is_kept(
    kafka: Broker, unique: Callable[[str], str], receiver: Receiver
) -> None:
    at_first: dict[str, Answer | None] = {id_of(6): (500, {}), id_of(7): (429, {"retry-after": "1"})}
    refused = id_of(10)
    receiver.answer = lambda id_: (422, {}) if id_ == refused else at_first.pop(id_, TAKEN)
    bench = Calls(kafka.bootstrap, unique("calls"), receiver)
    made = bench.produce(60)
    wanted = [id_ for id_ in made if int(id_, 16) % 6 not in OTHERS and id_ != refused]
    async with bench.telling():
        await until(lambda: told(receiver) >= set(wanted) and bool(bench.buried))
    assert firsts(receiver) == {
        who: [id_ for id_ in wanted if id_of(int(id_, 16) % 5) == who] for who in map(id_of, range(5))
    }
    assert {post.webhook_id for post in receiver.posts} == {*wanted, refused}
    assert all(post.is_signed for post in receiver.posts)
    bodies = [json.loads(post.body) for post in receiver.taken]
    assert all(
        body["type"] == "journey.called" and body["data"]["key"] == f"c{body['data']['data']['n']}" for body in bodies
    )
    (letter,) = bench.buried
    assert (letter.source, CODEC.decode(letter.original, JourneyStep).step_id) == ("crm", refused)


CONFIG = """
tenants: [{{name: acme}}]
segments: rules.yaml
segment_history: false
journeys: journeys.yaml
journey_webhooks:
  - {{name: crm, tenant: acme, url: "{crm}", secret: "{secret}", begin: earliest, max_per_s: 1000}}
"""
BOUGHT = """
id: bought
tenant: acme
enter: {event: {name: order_completed}, again: after_exit}
steps:
  - call: {webhook: crm, data: {template: thanks}}
  - wait: 1d
  - branch: {if: {segment: recent-buyers}, then: [{call: {webhook: crm, data: {template: more}}}]}
"""


@pytest.fixture
def flow(tmp_path: Path, start_kafka: StartKafka, receiver: Receiver) -> Iterator[Flow]:
    made = Flow(start_kafka(tmp_path / "kafka").bootstrap, tmp_path)
    (tmp_path / "mailweir.yaml").write_text(CONFIG.format(crm=receiver.url, secret=SECRET), encoding="utf-8")
    (tmp_path / "journeys.yaml").write_text(BOUGHT, encoding="utf-8")
    yield made
    made.close()


@pytest.mark.kafka
def test_from_an_event_to_the_call_nothing_is_lost_by_a_kill(flow: Flow, receiver: Receiver) -> None:
    dice = Random(9)
    flow.begin()
    flow.feed(500, dice)
    flow.wait(lambda: len(receiver.taken) > 50, workers=1)
    processes.kill(flow.workers[0])
    flow.feed(300, dice)
    flow.wait(lambda: flow.is_done, workers=1)
    flow.check(is_each_once=True)
    calls: dict[str, list[str]] = defaultdict(list)
    for step in (CODEC.decode(value, JourneyStep) for value in flow.steps):
        if step.kind == StepKind.CALLED:
            calls[step.recipient_key].append(step.step_id)
    wanted = {id_ for ids in calls.values() for id_ in ids}
    flow.wait(lambda: told(receiver) >= wanted, workers=1)
    assert firsts(receiver) == calls
    templates = Counter(json.loads(post.body)["data"]["data"]["template"] for post in receiver.taken)
    assert min(templates["thanks"], templates["more"]) > 100
    assert all(post.is_signed for post in receiver.posts)
