"""Carrying a decision out: what is tried again, what is not, and what is written down."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from connectors.control import TopicRecord
from connectors.control_send import Sender
from schemas.config import Source
from schemas.remediation import Action, Decision, Mode, Outcome
from streams.core.remediation.attempt import MAX_WAIT_S, retry_after_s
from streams.core.remediation.breaker import FAILURES, OPEN_MS
from streams.core.remediation.execute import MAX_ATTEMPTS, TOTAL_S, Executor
from tests.unit.connectors.control_cases import SECRETS, decision_of, source_of

START = 1_763_780_000_000
Answer = Callable[[httpx.Request], httpx.Response]


class World:
    """A sender's API that answers in turn, and a clock that only sleep (and `slow_s` an attempt) moves."""

    def __init__(self, *answers: Answer | httpx.Response | Exception, slow_s: float = 0.0) -> None:
        self.requests: list[httpx.Request] = []
        self.asked_at: list[int] = []
        self.waits: list[float] = []
        self.now_ms = START
        self._answers = list(answers)
        self._slow_s = slow_s

    def clock_ms(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_ms += int(seconds * 1000)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.asked_at.append(self.now_ms - START)
        self.now_ms += int(self._slow_s * 1000)
        answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content) if isinstance(
            answer, httpx.Response
        ) else answer(request)  # fmt: skip

    async def execute(self, decision: Decision, source: Source) -> Outcome:
        async with httpx.AsyncClient(transport=httpx.MockTransport(self._answer)) as client:
            executor = Executor(Sender(client, self._produce), self.clock_ms, self.sleep)
            return await executor.execute(decision, source)

    @staticmethod
    async def _produce(record: TopicRecord) -> None:
        raise AssertionError(record)


async def test_a_confirmed_action_is_done_and_carries_the_decision_as_idempotency_key() -> None:
    world = World(httpx.Response(201))
    outcome = await world.execute(decision_of(), source_of("sendgrid"))
    assert (outcome.status, outcome.attempt, outcome.http_status) == ("done", 1, 201)
    assert (outcome.source, outcome.driver, outcome.action) == ("esp", "sendgrid", "pause_campaign")
    assert [request.headers["idempotency-key"] for request in world.requests] == [decision_of().decision_id]
    assert world.waits == []


async def test_429_waits_as_long_as_asked_and_then_succeeds() -> None:
    world = World(httpx.Response(429, headers={"Retry-After": "17"}), httpx.Response(200))
    outcome = await world.execute(decision_of(), source_of("kumomta"))
    assert (outcome.status, outcome.attempt) == ("done", 2)
    assert world.waits == [17.0]
    assert outcome.executed_at == START + 17_000


async def test_a_long_retry_after_is_capped() -> None:
    world = World(httpx.Response(429, headers={"Retry-After": "86400"}), httpx.Response(200))
    outcome = await world.execute(decision_of(), source_of("kumomta"))
    assert world.waits == [MAX_WAIT_S]
    assert outcome.status == "done"


async def test_server_errors_are_tried_again_with_growing_waits_until_given_up() -> None:
    world = World(httpx.Response(503))
    outcome = await world.execute(decision_of(), source_of("kumomta"))
    assert (outcome.status, outcome.attempt, outcome.http_status) == ("failed", MAX_ATTEMPTS, 503)
    assert outcome.detail.startswith("given up after 5 attempts")
    assert len(world.requests) == MAX_ATTEMPTS
    for place, wait in enumerate(world.waits):
        assert 0.5 * 2**place <= wait <= 2**place


async def test_a_timeout_after_the_provider_acted_does_not_act_twice() -> None:
    paused: set[str] = set()

    def pause(request: httpx.Request) -> httpx.Response:
        paused.add(request.headers["idempotency-key"])
        if len(paused) == 1 and len(world.requests) == 1:
            raise httpx.ReadTimeout("lost")
        return httpx.Response(200)

    world = World(pause)
    outcome = await world.execute(decision_of(), source_of("webhook"))
    assert (outcome.status, outcome.attempt) == ("done", 2)
    assert len(paused) == 1
    assert len({request.headers["webhook-id"] for request in world.requests}) == 1
    assert len({request.content for request in world.requests}) == 1


async def test_nothing_is_tried_beyond_the_total_time() -> None:
    world = World(httpx.ReadTimeout("slow"), slow_s=50.0)
    outcome = await world.execute(decision_of(), source_of("kumomta"))
    assert outcome.status == "failed"
    assert len(world.requests) == 3
    assert outcome.executed_at - START <= (TOTAL_S + 50) * 1000


@pytest.mark.parametrize("status", [400, 404, 409, 410, 422])
async def test_a_refusal_is_not_tried_again(status: int) -> None:
    world = World(httpx.Response(status, content=b"no such campaign"))
    outcome = await world.execute(decision_of(), source_of("kumomta"))
    assert (outcome.status, outcome.attempt, outcome.http_status) == ("failed", 1, status)
    assert "no such campaign" in outcome.detail
    assert len(world.requests) == 1


@pytest.mark.parametrize("driver", ["sendgrid", "kumomta", "webhook"])
@pytest.mark.parametrize("status", [401, 403])
async def test_bad_credentials_are_said_not_repeated_and_not_tried_again(driver: str, status: int) -> None:
    world = World(httpx.Response(status))
    outcome = await world.execute(decision_of(), source_of(driver))
    assert (outcome.status, outcome.attempt, outcome.http_status) == ("misconfigured", 1, status)
    assert "credentials" in outcome.detail
    assert "control.secret" in outcome.detail
    assert SECRETS[driver] not in str(outcome)


async def test_what_the_driver_cannot_do_is_unsupported_and_nothing_is_sent() -> None:
    world = World(httpx.Response(200))
    outcome = await world.execute(decision_of(Action.REST_IP), source_of("kumomta"))
    assert (outcome.status, outcome.attempt) == ("unsupported", 0)
    assert "kumomta cannot rest ip" in outcome.detail
    assert world.requests == []


@pytest.mark.parametrize(
    ("mode", "driver", "status"),
    [
        (Mode.OBSERVE, "kumomta", "dry_run"), (Mode.OBSERVE, "none", "dry_run"), (Mode.ACT, "none", "dry_run"),
        (Mode.APPROVE, "kumomta", "waiting"), (Mode.APPROVE, "none", "waiting"),
        (Mode.SUGGEST, "kumomta", "suggested"), (Mode.SUGGEST, "none", "suggested"),
    ],
)  # fmt: skip
async def test_observing_suggesting_and_dry_runs_send_nothing(mode: Mode, driver: str, status: str) -> None:
    world = World(httpx.Response(200))
    outcome = await world.execute(decision_of(mode=mode), source_of(driver))
    assert (outcome.status, outcome.attempt, outcome.http_status) == (status, 0, 0)
    assert world.requests == []


async def test_a_wrong_configuration_shows_in_a_dry_run_already() -> None:
    world = World(httpx.Response(200))
    outcome = await world.execute(decision_of(mode=Mode.OBSERVE), source_of("webhook", secret=""))
    assert outcome.status == "misconfigured"
    assert "control.secret" in outcome.detail


async def test_the_path_of_a_webhook_is_not_written_down() -> None:
    source = source_of("webhook", base_url="https://hooks.example/T0KEN/very-private")
    for mode in Mode:
        outcome = await World(httpx.Response(500)).execute(decision_of(mode=mode), source)
        assert "private" not in outcome.detail
        assert "T0KEN" not in outcome.detail


async def test_outcomes_of_one_decision_at_two_sources_have_ids_of_their_own() -> None:
    one = await World(httpx.Response(200)).execute(decision_of(), source_of("kumomta"))
    other_source = Source(name="mta-2", provider="kumomta", control=source_of("kumomta").control)
    two = await World(httpx.Response(200)).execute(decision_of(), other_source)
    again = await World(httpx.Response(500)).execute(decision_of(), source_of("kumomta"))
    assert one.outcome_id != two.outcome_id
    assert one.outcome_id == again.outcome_id


@pytest.mark.parametrize("action", [Action.RESUME_CAMPAIGN, Action.THROTTLE])
async def test_a_share_that_the_driver_cannot_let_through_is_unsupported_and_never_rounded(action: Action) -> None:
    world = World(httpx.Response(200))
    outcome = await world.execute(decision_of(action, share=0.01), source_of("kumomta"))
    assert (outcome.status, outcome.attempt) == ("unsupported", 0)
    assert world.requests == []
    if action is Action.RESUME_CAMPAIGN:
        assert "all mail of a campaign through or none, not 1.0% of it" in outcome.detail
    assert (await world.execute(decision_of(action, share=0.01), source_of("webhook"))).status == "done"


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
async def test_a_share_that_is_no_part_of_one_is_refused(share: float) -> None:
    world = World(httpx.Response(200))
    outcome = await world.execute(decision_of(Action.THROTTLE, share=share), source_of("webhook"))
    assert outcome.status == "failed"
    assert "share" in outcome.detail
    assert world.requests == []


class Shared(World):
    """One executor for many decisions."""

    def __init__(self, *answers: Answer | httpx.Response | Exception) -> None:
        super().__init__(*answers)
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.executor = Executor(Sender(client, self._produce), self.clock_ms, self.sleep)

    async def one(self, number: int, source: Source) -> Outcome:
        return await self.executor.execute(decision_of(decision_id=f"{number:032x}"), source)


async def test_an_api_that_keeps_failing_is_left_alone_and_the_decision_fails_with_a_sentence() -> None:
    world, source = Shared(httpx.Response(503)), source_of("kumomta")
    first = await world.one(1, source)
    assert (first.status, first.attempt, len(world.requests)) == ("failed", MAX_ATTEMPTS, FAILURES)
    begun, asked = world.now_ms, len(world.requests)
    second = await world.one(2, source)
    assert second.status == "failed"
    assert "left alone for a while" in second.detail
    assert world.now_ms - begun <= TOTAL_S * 1000
    assert 1 <= len(world.requests) - asked < MAX_ATTEMPTS


async def test_a_decision_that_meets_an_open_breaker_waits_for_its_try_and_succeeds() -> None:
    bad, good = httpx.Response(503), httpx.Response(200)
    world, source = Shared(*[bad] * FAILURES, good), source_of("kumomta")
    await world.one(1, source)
    begun = world.now_ms
    outcome = await world.one(2, source)
    assert (outcome.status, outcome.attempt) == ("done", 1)
    assert world.now_ms - begun == OPEN_MS
    assert world.executor.breaker(source).is_closed


async def test_one_broken_api_does_not_hold_up_another() -> None:
    world = Shared(*[httpx.Response(503)] * FAILURES, httpx.Response(200))
    await world.one(1, source_of("kumomta"))
    begun = world.now_ms
    outcome = await world.one(2, source_of("kumomta", base_url="https://other.control.example"))
    assert (outcome.status, world.now_ms) == ("done", begun)


async def test_refusals_and_wrong_credentials_open_no_breaker() -> None:
    for status in (400, 401, 404, 429):
        world = Shared(httpx.Response(status))
        for number in range(2 * FAILURES):
            await world.one(number, source_of("kumomta"))
        assert world.executor.breaker(source_of("kumomta")).is_closed


async def test_a_limit_holds_the_other_decisions_up_as_well() -> None:
    world, source = Shared(httpx.Response(429, headers={"Retry-After": "40"})), source_of("kumomta")
    await world.one(1, source)
    assert world.asked_at == [0, 40_000, 80_000]  # and given up: the fourth would be too late
    await world.one(2, source)
    assert world.asked_at[3] == 120_000


async def test_an_api_is_asked_no_faster_than_it_allows() -> None:
    world, source = Shared(httpx.Response(200)), source_of("klaviyo")
    at = []
    for number in range(9):
        await world.executor.execute(decision_of(decision_id=f"{number:032x}", campaign_id="XVTP5Q"), source)
        at.append(world.now_ms - START)
    assert at == [0, 0, 0, 1000, 2000, 3000, 4000, 5000, 6000]  # three at once, then one a second


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("5", 5.0), (" 5 ", 5.0), ("", None), ("soon", None), ("-3", None), ("9" * 400, 999_999_999.0),
        ("Sat, 22 Nov 2025 02:53:30 GMT", 10.0), ("Sat, 22 Nov 2025 02:00:00 GMT", 0.0),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, expected: float | None) -> None:
    assert retry_after_s(value, START) == expected
