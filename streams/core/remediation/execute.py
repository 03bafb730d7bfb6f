"""Carry one decision out at one source, and say what came of it.

Only what can succeed later is tried again: 429 and 5xx answers, timeouts, broken connections; at most five times and
two minutes in all, waiting longer each time (full jitter, RFC 9110 Retry-After honoured up to a minute). Each API has
its pace and its circuit breaker, shared by all decisions; waiting for them is no attempt, but counts against the two
minutes. Nothing acts twice: drivers ask for an end state, and where a repeat could do harm they look first. Wrong
credentials are not tried again. The result is always an Outcome, never an exception for anything that the other side
or the configuration did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlsplit

from connectors.control import ControlAnswer, ControlRequest, Driver, Effect, TopicRecord, driver_named
from schemas.config import Source
from schemas.errors import FailureCode, Misconfigured, Permanent, Transient
from schemas.identity import digest
from schemas.remediation import Action, Decision, Mode, Outcome, OutcomeStatus
from streams.core.remediation.attempt import LIMITED, Result, Step, answered, looked, lost, with_key
from streams.core.remediation.breaker import CLOSED, Breaker
from streams.core.remediation.pace import Bucket

MAX_ATTEMPTS = 5
TOTAL_S = 120.0  # a pause that is later than this is better seen as failed and looked at by a person
ATTEMPT_TIMEOUT_S = 15.0

Send = Callable[[Effect, float], Awaitable[ControlAnswer]]
"""Carries one effect out, seconds to wait at most; raises Transient when no answer came."""
Clock = Callable[[], int]
Sleep = Callable[[float], Awaitable[None]]
SENTENCES = {
    Mode.APPROVE: (OutcomeStatus.WAITING, "waits for approval; would"),
    Mode.SUGGEST: (OutcomeStatus.SUGGESTED, "waits for a person; would"),
    Mode.OBSERVE: (OutcomeStatus.DRY_RUN, "nothing was sent; would"),
}


class _Api:
    """What is known of one API: its pace and its breaker."""

    def __init__(self, driver: Driver) -> None:
        self.pace, self.bucket, self.breaker = driver.pace, Bucket(), CLOSED

    def wait_ms(self, now_ms: int) -> int:
        return max(self.bucket.wait_ms(self.pace, now_ms), self.breaker.wait_ms(now_ms))

    def start(self, now_ms: int) -> None:
        self.bucket, self.breaker = self.bucket.taken(self.pace, now_ms), self.breaker.started(now_ms)

    def end(self, step: Step, now_ms: int) -> None:
        """The breaker sees whether the service works; the bucket, when it wants to be asked again."""
        is_limited = step.result.http_status == LIMITED
        is_broken = step.wait_s is not None and not is_limited
        self.breaker = self.breaker.failed(now_ms) if is_broken else self.breaker.succeeded()
        if is_limited and step.wait_s is not None:
            self.bucket = self.bucket.held(now_ms + int(step.wait_s * 1000))


class Executor:
    """Carries decisions out, any number at a time, and remembers how each API fares.

    `send` is `connectors.control_send.Sender`; `clock_ms` is wall time. One executor serves the whole process.
    """

    def __init__(self, send: Send, clock_ms: Clock, sleep: Sleep) -> None:
        self._send, self._clock_ms, self._sleep = send, clock_ms, sleep
        self._apis: dict[tuple[str, str, str], _Api] = {}  # at most one per configured source

    def breaker(self, source: Source) -> Breaker:
        """The state of the breaker of this source's API."""
        return self._api(source).breaker

    def _api(self, source: Source) -> _Api:
        control = source.control
        key = (control.driver, control.base_url, digest(control.secret.get_secret_value()))
        return self._apis.setdefault(key, _Api(driver_named(control.driver)))

    async def execute(self, decision: Decision, source: Source) -> Outcome:
        """What became of `decision` at `source`.

        Modes observe, suggest and approve go the same way up to the request, so that a wrong configuration shows,
        and send nothing; act is real.
        """
        try:
            result = await self._carry_out(decision, source)
        except Misconfigured as error:
            result = Result(status=OutcomeStatus.MISCONFIGURED, detail=str(error))
        except Permanent as error:
            result = Result(status=OutcomeStatus.FAILED, detail=str(error))
        return _outcome(decision, source, result, self._clock_ms())

    async def _carry_out(self, decision: Decision, source: Source) -> Result:
        driver = driver_named(source.control.driver)
        if detail := _unsupported(decision, driver):
            return Result(status=OutcomeStatus.UNSUPPORTED, detail=detail)
        effect = driver.request(decision, source.control, self._clock_ms())
        mode = Mode(decision.mode)
        if mode is Mode.ACT and effect is not None:
            return await self._until_settled(decision, source, driver)
        status, words = SENTENCES[Mode.OBSERVE if mode is Mode.ACT else mode]
        return Result(status=status, detail=f"{words} {_said(effect)}")

    async def _until_settled(self, decision: Decision, source: Source, driver: Driver) -> Result:
        deadline_ms = self._clock_ms() + int(TOTAL_S * 1000)
        last = Step(result=Result(status=OutcomeStatus.FAILED, detail="it was never its turn"), wait_s=0.0)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            step = await self._attempt(decision, source, driver, last, attempt, deadline_ms)
            if step is None:
                break
            last = step
            if last.wait_s is None:
                return last.result
            if attempt == MAX_ATTEMPTS or self._clock_ms() + last.wait_s * 1000 >= deadline_ms:
                break
            await self._sleep(last.wait_s)
        return replace(last.result, detail=self._given_up(last.result, source))

    def _given_up(self, result: Result, source: Source) -> str:
        breaker = self._api(source).breaker
        detail = f"given up after {result.attempt} attempts: {result.detail}"
        if breaker.is_closed:
            return detail
        return f"{detail}; this API has failed {breaker.failures} times in a row and is left alone for a while"

    async def _attempt(
        self, decision: Decision, source: Source, driver: Driver, last: Step, attempt: int, deadline_ms: int
    ) -> Step | None:
        """One try, a look first where it is needed; None when the time was up before its turn came."""
        look = None
        if last.is_doubtful and not driver.is_idempotent:
            look = driver.look(decision, source.control, self._clock_ms())
        if look is not None:
            step, answer = await self._ask(look, decision, source, driver, attempt, deadline_ms)
            if step is None or answer is None:
                return step
            found = looked(driver, decision, source.control, answer, step)
            if found is not None:
                return found
        effect = driver.request(decision, source.control, self._clock_ms())
        if effect is None:
            return Step(result=Result(status=OutcomeStatus.DRY_RUN, detail="nothing to send"))
        step, _ = await self._ask(with_key(effect, decision), decision, source, driver, attempt, deadline_ms)
        return step

    async def _ask(
        self, effect: Effect, decision: Decision, source: Source, driver: Driver, attempt: int, deadline_ms: int
    ) -> tuple[Step | None, ControlAnswer | None]:
        """Wait for the API's turn, send, and read the answer; (None, None) when the turn comes too late."""
        api = self._api(source)
        if self._clock_ms() >= deadline_ms:
            return None, None
        while wait_ms := api.wait_ms(self._clock_ms()):
            if self._clock_ms() + wait_ms >= deadline_ms:
                return None, None
            await self._sleep(wait_ms / 1000)
        api.start(self._clock_ms())
        answer = None
        left_s = (deadline_ms - self._clock_ms()) / 1000
        try:
            answer = await self._send(effect, min(left_s, ATTEMPT_TIMEOUT_S))
            step = answered(driver.interpret(answer), answer, decision, attempt, self._clock_ms())
        except Transient as error:
            step = lost(str(error), decision, attempt, error.retry_after_s)
        api.end(step, self._clock_ms())
        return step, answer


def _unsupported(decision: Decision, driver: Driver) -> str:
    """Why this driver cannot do it, or nothing."""
    action = Action(decision.action)
    if not 0 <= decision.share <= 1:
        raise Permanent(FailureCode.ACTION_REFUSED, f"the decision's share is {decision.share}, no part of one")
    if action not in driver.supports:
        return f"{driver.name} cannot {action.replace('_', ' ')}; the decision is only recorded"
    has_share = action in {Action.THROTTLE, Action.RESUME_CAMPAIGN}
    if has_share and decision.share < 1 and action not in driver.shares:
        return (
            f"{driver.name} can only let all mail of a campaign through or none, not {decision.share:.1%} of it; the"
            " decision is only recorded"
        )
    return ""


def _outcome(decision: Decision, source: Source, result: Result, now_ms: int) -> Outcome:
    return Outcome.of(
        decision,
        outcome_id=digest(decision.decision_id, source.name),
        source=source.name,
        driver=source.control.driver,
        status=result.status,
        attempt=result.attempt,
        http_status=result.http_status,
        detail=result.detail,
        executed_at=now_ms,
    )


def _said(effect: Effect | None) -> str:
    """Only the host: paths of webhooks can be secrets."""
    if effect is None:
        return "send nothing, because this source has no control"
    if isinstance(effect, ControlRequest):
        return f"{effect.method} to {urlsplit(effect.url).hostname}"
    return f"write to the topic {effect.topic}" if isinstance(effect, TopicRecord) else f"write {effect.path}"
