"""Hands records to one receiver with care: when its turn is, when to try again, when to give up.

A receiver that fails for everybody is left alone by a breaker and asked by one record at a time until it works; that
costs a record no attempt, only time. A receiver that works and fails for one record is asked `MAX_ATTEMPTS` times. A
limit (429) holds all of them back for as long as it asks, an hour at most, and costs no attempt either. What is refused
for good, or not taken for `give_up_after_h`, is given up, and the caller keeps it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from connectors.controls.base import ControlAnswer, ControlRequest, Pace, Verdict
from connectors.journey_webhook import request as request_of_call
from connectors.segment_webhook import request as request_of_transition
from connectors.signed_post import interpret
from schemas.errors import FailureCode, Misconfigured, Transient
from schemas.failures import DeadLetter, Stage
from schemas.identity import digest
from schemas.journey_webhooks import JourneyWebhook
from schemas.journeys.steps import JourneyStep
from schemas.segment_webhooks import SegmentWebhook
from schemas.transitions import SegmentTransition
from streams.core.normalise import Origin
from streams.core.remediation.attempt import LIMITED, backoff_s, retry_after_s
from streams.core.remediation.breaker import CLOSED
from streams.core.remediation.pace import Bucket

MAX_ATTEMPTS = 8  # with waits of 1 s to 64 s between them: some two minutes
ATTEMPT_TIMEOUT_S = 15.0
MAX_HELD_S = 3600.0  # longer than that a receiver cannot ask for; it may ask again
_BURST = 10

Send = Callable[[ControlRequest, float], Awaitable[ControlAnswer]]
"""Sends one request, seconds to wait at most; raises Transient when no answer came."""
Clock = Callable[[], int]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told to a receiver: records of one type, of whom it wants some.

    `id_of`: the same for the same record, whenever. `at_of`: ms since 1970. `request`: of this attempt, for that
    receiver, at that wall time. These take a record of the type and a receiver that wants such.
    """

    record: type[Any]
    id_of: Callable[[Any], str]
    at_of: Callable[[Any], int]
    request: Callable[[Any, Any, int], ControlRequest]


TRANSITIONS = Telling(
    SegmentTransition, lambda each: str(each.transition_id), lambda each: int(each.detected_at), request_of_transition
)
CALLS = Telling(JourneyStep, lambda each: str(each.step_id), lambda each: int(each.at), request_of_call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What became of one record. `attempts`: how often it was sent."""

    is_taken: bool
    detail: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """One try. `asked_s`: how long the receiver asks to wait."""

    verdict: Verdict
    detail: str
    is_limit: bool = False
    asked_s: float | None = None


class Outlet:
    """One receiver; any number of records may be handed over at a time. `clock_ms`: wall time."""

    def __init__(self, webhook: SegmentWebhook | JourneyWebhook, send: Send, clock_ms: Clock, sleep: Sleep) -> None:
        self.webhook = webhook
        self.telling = TRANSITIONS if isinstance(webhook, SegmentWebhook) else CALLS
        self._send, self._clock_ms, self._sleep = send, clock_ms, sleep
        self._pace, self._bucket, self._breaker = Pace(per_s=webhook.max_per_s, burst=_BURST), Bucket(), CLOSED
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """Why the receiver is left alone for now; "" while it works."""
        return "" if self._breaker.is_closed else self._trouble

    async def hand_over(self, record: Any) -> Handed:
        """Send until it is taken or given up; never raises for what the other side or the configuration did."""
        deadline_ms = self._clock_ms() + int(self.webhook.give_up_after_h * 3_600_000)
        sent = failures = limits = 0
        detail = "it was never its turn"
        while await self._has_turn(deadline_ms):
            sent, answer = sent + 1, await self._try(record)
            detail = answer.detail
            if answer.verdict is not Verdict.RETRY:
                return Handed(is_taken=answer.verdict is Verdict.DONE, detail=detail, attempts=sent)
            failures += self._breaker.is_closed and not answer.is_limit
            if failures == MAX_ATTEMPTS:
                break
            limits += answer.is_limit
            wait_s = answer.asked_s
            if wait_s is None:
                wait_s = backoff_s(self.telling.id_of(record), max(1, min(failures + limits, MAX_ATTEMPTS)))
            await self._sleep(min(wait_s, max(deadline_ms - self._clock_ms(), 0) / 1000))
        return Handed(is_taken=False, detail=f"given up after {sent} attempts: {detail}", attempts=sent)

    async def _has_turn(self, deadline_ms: int) -> bool:
        """Wait until a request may go; False when time is up before."""
        while (now_ms := self._clock_ms()) < deadline_ms:
            wait_ms = max(self._bucket.wait_ms(self._pace, now_ms), self._breaker.wait_ms(now_ms))
            if not wait_ms:
                return True
            await self._sleep(min(wait_ms, deadline_ms - now_ms) / 1000)
        return False

    async def _try(self, record: Any) -> _Answer:
        """One request; the breaker sees whether the receiver works, the bucket when it wants to be asked again."""
        started_ms = self._clock_ms()
        self._bucket, self._breaker = self._bucket.taken(self._pace, started_ms), self._breaker.started(started_ms)
        answer = await self._ask(record, started_ms)
        now_ms = self._clock_ms()
        is_broken = answer.verdict is Verdict.RETRY and not answer.is_limit
        self._trouble = answer.detail if is_broken else self._trouble
        self._breaker = self._breaker.failed(now_ms) if is_broken else self._breaker.succeeded()
        if answer.asked_s is not None:
            self._bucket = self._bucket.held(now_ms + int(answer.asked_s * 1000))
        return answer

    async def _ask(self, record: Any, now_ms: int) -> _Answer:
        try:
            answer = await self._send(self.telling.request(record, self.webhook, now_ms), ATTEMPT_TIMEOUT_S)
        except Transient as error:
            return _Answer(verdict=Verdict.RETRY, detail=str(error))
        except Misconfigured:
            return _Answer(verdict=Verdict.RETRY, detail="`url` of this webhook is no address; mend it")
        read, is_limit = interpret(answer), answer.status == LIMITED
        asked_s = None
        if read.verdict is Verdict.RETRY:
            asked_s = retry_after_s(answer.headers.get("retry-after", ""), self._clock_ms())
        asked_s = None if asked_s is None else min(asked_s, MAX_HELD_S)
        return _Answer(verdict=read.verdict, detail=read.detail, is_limit=is_limit, asked_s=asked_s)

    def letter_of(self, record: Any, original: bytes, origin: Origin, reason: str) -> DeadLetter:
        """The dead letter of a record that this receiver did not take; one for each receiver."""
        return DeadLetter(
            dead_letter_id=digest(origin.topic, origin.partition, origin.offset, "webhook", self.webhook.name),
            stage=Stage.SEGMENTS,
            code=FailureCode.NOT_TAKEN,
            reason=reason,
            tenant=record.tenant,
            source=self.webhook.name,
            provider="",
            received_at=self.telling.at_of(record),
            origin_topic=origin.topic,
            origin_partition=origin.partition,
            origin_offset=origin.offset,
            item_index=-1,
            original=original,
        )
