"""Delivers one message to one channel, with bounded tries, and says what came of it; and who is still to be told.

The same care as for decisions (`execute.py`): only what may succeed is tried again, at most five times in two minutes,
with growing jittered waits; Retry-After is honoured up to a minute. The result is always an Outcome of the decision,
under an id of its own, so what is in the outcomes topic is never told again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from connectors.alert import channel_of
from connectors.alerts.base import AlertRequest, Message
from connectors.controls.base import ControlAnswer, Verdict
from schemas.alerts import Alert
from schemas.errors import Misconfigured, Transient
from schemas.identity import digest
from schemas.remediation import Decision, Outcome, OutcomeStatus
from streams.core.remediation.attempt import FIRST_WAIT_S, MAX_WAIT_S, retry_after_s
from streams.core.remediation.telling import told_id

MAX_ATTEMPTS = 5
TOTAL_S = 120.0
ATTEMPT_TIMEOUT_S = 15.0
DRIVER_PREFIX = "alert-"  # before the channel's kind, where an outcome names its driver

Send = Callable[[AlertRequest, float], Awaitable[ControlAnswer]]
"""Sends one request, seconds to wait at most; raises Transient when no answer came."""
Clock = Callable[[], int]
Sleep = Callable[[float], Awaitable[None]]
Told = tuple[Decision, Sequence[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one message."""

    status: OutcomeStatus
    detail: str
    attempt: int = 0
    reply: int = 0  # the HTTP status or SMTP reply code of the last answer


async def deliver(message: Message, alert: Alert, send: Send, clock_ms: Clock, sleep: Sleep) -> Delivery:
    """Send until it is settled; never raises for what the other side or the configuration did."""
    last, deadline = Delivery(status=OutcomeStatus.FAILED, detail="not tried"), clock_ms() + int(TOTAL_S * 1000)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        left_s = (deadline - clock_ms()) / 1000
        if left_s <= 0:
            break
        last, wait_s = await _attempt(message, alert, send, clock_ms, attempt, min(left_s, ATTEMPT_TIMEOUT_S))
        if wait_s is None:
            return last
        if attempt == MAX_ATTEMPTS or (deadline - clock_ms()) / 1000 <= wait_s:
            break
        await sleep(wait_s)
    said = f"given up after {last.attempt} attempts: {last.detail}"
    return Delivery(status=last.status, detail=said, attempt=last.attempt, reply=last.reply)


async def _attempt(
    message: Message, alert: Alert, send: Send, clock_ms: Clock, attempt: int, timeout_s: float
) -> tuple[Delivery, float | None]:
    """One try: its result, and the seconds to wait before the next one (None: settled)."""
    channel = channel_of(alert.kind)
    try:
        answer = await send(channel.request(message, alert, clock_ms()), timeout_s)
    except Transient as error:
        failed = Delivery(status=OutcomeStatus.FAILED, detail=str(error), attempt=attempt)
        return failed, error.retry_after_s or backoff_s(message.message_id, attempt)
    except Misconfigured as error:
        return Delivery(status=OutcomeStatus.FAILED, detail=str(error), attempt=attempt), None
    read = channel.interpret(answer)
    status = OutcomeStatus.DONE if read.verdict is Verdict.DONE else OutcomeStatus.FAILED
    result = Delivery(status=status, detail=read.detail, attempt=attempt, reply=answer.status)
    if read.verdict is not Verdict.RETRY:
        return result, None
    asked = retry_after_s(answer.headers.get("retry-after", ""), clock_ms())
    return result, backoff_s(message.message_id, attempt) if asked is None else min(asked, MAX_WAIT_S)


def backoff_s(message_id: str, attempt: int) -> float:
    """Doubling from one second, between half and the whole of it; spread by the message's own hash."""
    share = int(digest(message_id, attempt)[:8], 16) / 0xFFFFFFFF
    return min(FIRST_WAIT_S * 2.0 ** (attempt - 1), MAX_WAIT_S) * (0.5 + share / 2)


def outcome_of(decision: Decision, alert: Alert, delivery: Delivery, now_ms: int) -> Outcome:
    """The record that this channel was told of this decision, or could not be."""
    return Outcome.of(
        decision,
        outcome_id=told_id(decision.decision_id, alert.name),
        source=alert.name,
        driver=DRIVER_PREFIX + alert.kind,
        status=delivery.status,
        attempt=delivery.attempt,
        http_status=delivery.reply,
        detail=delivery.detail,
        executed_at=now_ms,
    )


def is_alert(outcome: Outcome) -> bool:
    """Is it about telling people, and not about a control?"""
    return outcome.driver.startswith(DRIVER_PREFIX)


def untold(
    decisions: Iterable[Decision], outcomes: Iterable[Outcome], alerts: Sequence[Alert], since_ms: int
) -> list[Told]:
    """Decisions since `since_ms` that some channel was not told of, with their controls' outcomes, oldest first.

    Only those whose controls have answered: the others are told when they have.
    """
    of_controls: dict[str, list[Outcome]] = {}
    settled = set()
    for outcome in outcomes:
        settled.add(outcome.outcome_id)
        if not is_alert(outcome):
            of_controls.setdefault(outcome.decision_id, []).append(outcome)
    found = [
        (decision, of_controls[decision.decision_id])
        for decision in decisions
        if decision.decided_at >= since_ms
        and decision.decision_id in of_controls
        and any(a.wants(decision) and told_id(decision.decision_id, a.name) not in settled for a in alerts)
    ]
    return sorted(found, key=lambda told: (told[0].decided_at, told[0].decision_id))
