"""Carry one decision out at one source, and say what came of it.

The decision's id travels as `Idempotency-Key`, and drivers ask for an end state, so trying again after
a lost answer does not act twice. Only what can succeed later is tried again: 429 and 5xx answers,
timeouts, broken connections; at most five times and two minutes in all, waiting longer each time (full
jitter, RFC 9110 Retry-After honoured up to a minute). The result is always an Outcome, never an
exception for anything that the other side or the configuration did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from connectors.control import driver_named
from connectors.controls.base import ControlAnswer, ControlRequest, ControlResult, Driver, Verdict
from schemas.config import Source
from schemas.errors import Misconfigured, Permanent, Transient
from schemas.identity import digest
from schemas.remediation import Action, Decision, Mode, Outcome, OutcomeStatus

MAX_ATTEMPTS = 5
TOTAL_S = 120.0  # a pause that is later than this is better seen as failed and looked at by a person
ATTEMPT_TIMEOUT_S = 15.0
FIRST_WAIT_S = 1.0
MAX_WAIT_S = 60.0

Send = Callable[[ControlRequest, float], Awaitable[ControlAnswer]]
"""Sends one request, seconds to wait at most; raises Transient when no answer came."""
Clock = Callable[[], int]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    status: OutcomeStatus
    detail: str
    attempt: int = 0
    http_status: int = 0


async def execute(decision: Decision, source: Source, send: Send, clock_ms: Clock, sleep: Sleep) -> Outcome:
    """What became of `decision` at `source`.

    Mode observe goes the same way up to the request and sends nothing; suggest waits for a person; act
    is real. `send` is `connectors.control_http.send` with its client bound. `clock_ms` is wall time.
    """
    try:
        driver = driver_named(source.control.driver)
        result = await _carry_out(decision, source, driver, send, clock_ms, sleep)
    except (Misconfigured, Permanent) as error:
        result = _Result(status=OutcomeStatus.FAILED, detail=str(error))
    return Outcome(
        outcome_id=digest(decision.decision_id, source.name),
        decision_id=decision.decision_id,
        tenant=decision.tenant,
        kind=decision.kind,
        key=decision.key,
        action=decision.action,
        source=source.name,
        driver=source.control.driver,
        status=result.status,
        attempt=result.attempt,
        http_status=result.http_status,
        detail=result.detail,
        executed_at=clock_ms(),
    )


async def _carry_out(
    decision: Decision, source: Source, driver: Driver, send: Send, clock_ms: Clock, sleep: Sleep
) -> _Result:
    if Action(decision.action) not in driver.supports:
        detail = f"{driver.name} cannot {decision.action.replace('_', ' ')}; the decision is only recorded"
        return _Result(status=OutcomeStatus.UNSUPPORTED, detail=detail)
    request = driver.request(decision, source.control, clock_ms())
    if decision.mode == Mode.SUGGEST:
        return _Result(status=OutcomeStatus.SUGGESTED, detail=f"waits for a person; would {_said(request)}")
    if decision.mode == Mode.OBSERVE or request is None:
        return _Result(status=OutcomeStatus.DRY_RUN, detail=f"nothing was sent; would {_said(request)}")
    return await _until_settled(decision, source, driver, send, clock_ms, sleep)


async def _until_settled(
    decision: Decision, source: Source, driver: Driver, send: Send, clock_ms: Clock, sleep: Sleep
) -> _Result:
    deadline = clock_ms() + int(TOTAL_S * 1000)
    last = _Result(status=OutcomeStatus.FAILED, detail="not tried")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        left_s = (deadline - clock_ms()) / 1000
        if left_s <= 0:
            break
        last, wait_s = await _attempt(decision, source, driver, send, clock_ms, attempt, min(left_s, ATTEMPT_TIMEOUT_S))
        if wait_s is None:
            return last
        if attempt == MAX_ATTEMPTS or (deadline - clock_ms()) / 1000 <= wait_s:
            break
        await sleep(wait_s)
    return replace(last, detail=f"given up after {last.attempt} attempts: {last.detail}")


async def _attempt(
    decision: Decision, source: Source, driver: Driver, send: Send, clock_ms: Clock, attempt: int, timeout_s: float
) -> tuple[_Result, float | None]:
    """One try: its result, and the seconds to wait before the next one (None: settled)."""
    request = driver.request(decision, source.control, clock_ms())
    if request is None:
        return _Result(status=OutcomeStatus.DRY_RUN, detail="nothing to send"), None
    request = replace(request, headers={**request.headers, "idempotency-key": decision.decision_id})
    try:
        answer = await send(request, timeout_s)
    except Transient as error:
        result = _Result(status=OutcomeStatus.FAILED, detail=str(error), attempt=attempt)
        return result, error.retry_after_s or _backoff(decision.decision_id, attempt)
    read = driver.interpret(answer)
    done = OutcomeStatus.DONE if read.verdict is Verdict.DONE else OutcomeStatus.FAILED
    result = _Result(status=done, detail=read.detail, attempt=attempt, http_status=answer.status)
    return result, _wait(read, answer, decision.decision_id, attempt, clock_ms())


def _wait(read: ControlResult, answer: ControlAnswer, decision_id: str, attempt: int, now_ms: int) -> float | None:
    if read.verdict is not Verdict.RETRY:
        return None
    asked = retry_after_s(answer.headers.get("retry-after", ""), now_ms)
    return _backoff(decision_id, attempt) if asked is None else min(asked, MAX_WAIT_S)


def retry_after_s(value: str, now_ms: int) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110 10.2.3: seconds or a date); None if unreadable."""
    if value.strip().isascii() and value.strip().isdigit():
        return float(value[:9])
    try:
        return max(parsedate_to_datetime(value).timestamp() - now_ms / 1000, 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _backoff(decision_id: str, attempt: int) -> float:
    """Doubling from one second, between half and the whole of it; spread by the decision's own hash."""
    share = int(digest(decision_id, attempt)[:8], 16) / 0xFFFFFFFF
    return min(FIRST_WAIT_S * 2.0 ** (attempt - 1), MAX_WAIT_S) * (0.5 + share / 2)


def _said(request: ControlRequest | None) -> str:
    """Only the host: paths of webhooks can be secrets."""
    if request is None:
        return "send nothing, because this source has no control"
    return f"{request.method} to {urlsplit(request.url).hostname}"
