"""What happens between a decision and a sender's API, for every driver and every action, over real connections."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from email.utils import formatdate

import httpx
import pytest

from connectors.control import DRIVERS, ControlAnswer, Driver, Effect, TopicRecord
from connectors.control_send import Sender
from schemas.config import Source
from schemas.remediation import Action, Decision, Mode, Outcome
from streams.core.remediation.execute import Executor
from tests.contract.control_api import FIXTURES, Api, Trouble, served
from tests.unit.connectors.control_cases import LOCAL, SECRETS, control_of, decision_for

NOW = 1_763_780_000_000
CASES = [
    pytest.param(driver, action, id=f"{driver.name}-{action}")
    for driver in DRIVERS
    for action in sorted(driver.supports)
    if driver.name not in LOCAL
]
EVERY = pytest.mark.parametrize(("driver", "action"), CASES)


class World:
    """The API, an executor, and a clock that only waiting moves."""

    def __init__(self, api: Api, client: httpx.AsyncClient, driver: Driver) -> None:
        self.api, self.now_ms, self.waits = api, NOW, list[float]()
        self.source = Source(name="esp", provider="sendgrid", control=control_of(driver.name))
        self.sender, self.patience = Sender(client, _no_log), list[float]()
        self.given_up = 0  # answers that were not waited for; on a full machine not even the request may have come
        self.executor = Executor(self.send, lambda: self.now_ms, self.sleep)

    async def send(self, effect: Effect, timeout_s: float) -> ControlAnswer:
        """As the product does, but for an answer that will not come: that is waited for more briefly."""
        self.patience.append(timeout_s)
        if not self.api.will_be_silent:
            return await self.sender(effect, timeout_s)
        self.given_up += 1
        return await self.sender(effect, 0.2)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_ms += int(seconds * 1000)

    async def execute(self, decision: Decision) -> Outcome:
        return await self.executor.execute(decision, self.source)


async def _no_log(record: TopicRecord) -> None:
    raise AssertionError(record)


@pytest.fixture
async def world(driver: Driver, action: Action) -> AsyncIterator[World]:
    api = Api(driver.name, action)
    async with served(api.answer, api.is_over.set) as client:
        yield World(api, client, driver)


def test_every_driver_has_documented_answers_for_every_action_and_says_where_they_are_from() -> None:
    for driver in DRIVERS:
        if driver.name in LOCAL:
            continue
        fixture = json.loads((FIXTURES / f"{driver.name}.json").read_text(encoding="utf-8"))
        assert set(fixture["actions"]) == set(driver.supports), f"{FIXTURES / driver.name}.json"
        assert fixture["source"]


@EVERY
async def test_a_decision_is_carried_out_with_one_request(driver: Driver, action: Action, world: World) -> None:
    outcome = await world.execute(decision_for(driver.name, action))
    assert (outcome.status, outcome.attempt, world.api.acts) == ("done", 1, 1), outcome.detail
    assert len(world.api.requests) == 1


@EVERY
@pytest.mark.parametrize("asked", ["7", formatdate(NOW / 1000 + 7, usegmt=True)], ids=["seconds", "date"])
async def test_a_limit_is_waited_for_as_long_as_it_says(
    driver: Driver, action: Action, world: World, asked: str
) -> None:
    world.api.troubles = [Trouble("limited", headers={"Retry-After": asked})]
    outcome = await world.execute(decision_for(driver.name, action))
    assert (outcome.status, outcome.attempt, world.api.acts, world.api.repeats) == ("done", 2, 1, 0), outcome.detail
    assert world.waits == [7.0]
    assert len(world.api.requests) == 2, "nothing was done, so there is nothing to look at"


@EVERY
async def test_a_broken_service_is_asked_again(driver: Driver, action: Action, world: World) -> None:
    world.api.troubles = [Trouble("broken"), Trouble("broken")]
    outcome = await world.execute(decision_for(driver.name, action))
    assert (outcome.status, world.api.acts, world.api.repeats) == ("done", 1, 0), outcome.detail
    assert outcome.attempt == 3


@EVERY
@pytest.mark.parametrize("trouble", ["lost", "broken"])
async def test_an_answer_that_is_lost_after_the_provider_acted_does_not_act_twice(
    driver: Driver, action: Action, world: World, trouble: str
) -> None:
    world.api.troubles = [Trouble(trouble, has_acted=True)]
    outcome = await world.execute(decision_for(driver.name, action))
    assert (outcome.status, outcome.attempt, world.api.acts) == ("done", 2, 1), outcome.detail
    assert driver.is_idempotent or world.api.repeats == 0, "it looks before it repeats"


@EVERY
async def test_an_answer_that_never_comes_is_given_up_and_looked_for(
    driver: Driver, action: Action, world: World
) -> None:
    world.api.troubles = [Trouble("silent", has_acted=True)]
    outcome = await world.execute(decision_for(driver.name, action))
    assert (outcome.status, outcome.attempt, world.api.acts) == ("done", 1 + world.given_up, 1), outcome.detail
    assert world.given_up
    assert driver.is_idempotent or world.api.repeats == 0, "it looks before it repeats"
    assert 0 < max(world.patience) <= 30


@EVERY
async def test_an_answer_that_is_lost_before_the_provider_acted_is_no_reason_to_give_up(
    driver: Driver, action: Action, world: World
) -> None:
    world.api.troubles = [Trouble("lost"), *([] if driver.is_idempotent else [Trouble("lost"), Trouble("limited")])]
    outcome = await world.execute(decision_for(driver.name, action))
    assert (outcome.status, world.api.acts, world.api.repeats) == ("done", 1, 0), outcome.detail


@EVERY
async def test_wrong_credentials_are_said_once_and_for_a_person(driver: Driver, action: Action, world: World) -> None:
    world.api.is_locked = True
    outcome = await world.execute(decision_for(driver.name, action))
    assert (outcome.status, outcome.attempt, world.api.acts) == ("misconfigured", 1, 0)
    assert "control.secret" in outcome.detail
    assert len(world.api.requests) == 1
    assert SECRETS[driver.name] not in str(outcome)
    assert world.executor.breaker(world.source).is_closed, "the service works; it is the secret that does not"


@EVERY
async def test_credentials_that_go_bad_between_two_attempts_end_it(
    driver: Driver, action: Action, world: World
) -> None:
    world.api.troubles = [Trouble("lost"), Trouble("unauthorized")]
    outcome = await world.execute(decision_for(driver.name, action))
    assert (outcome.status, outcome.attempt, world.api.acts) == ("misconfigured", 2, 0)


@EVERY
@pytest.mark.parametrize(
    ("mode", "status"),
    [(Mode.OBSERVE, "dry_run"), (Mode.SUGGEST, "suggested"), (Mode.APPROVE, "waiting")],
)
async def test_only_the_mode_act_sends_anything(
    driver: Driver, action: Action, world: World, mode: Mode, status: str
) -> None:
    decision = decision_for(driver.name, action)
    decision.mode = mode
    outcome = await world.execute(decision)
    assert (outcome.status, outcome.attempt) == (status, 0)
    assert f"would {world.api.case['method']} to " in outcome.detail
    assert world.api.requests == []


@EVERY
async def test_a_repeat_of_what_is_done_already_leaves_it_done(driver: Driver, action: Action, world: World) -> None:
    decision = decision_for(driver.name, action)
    assert (await world.execute(decision)).status == "done"
    again = await world.execute(decision)
    assert world.api.acts == 1
    assert again.status == "done" or not driver.is_idempotent
