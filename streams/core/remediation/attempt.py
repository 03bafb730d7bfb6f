"""One attempt at one decision: what is sent, what the answer means for the decision, and for the API's health.

Where a repeat could do harm, a lost answer is followed by a look: a request that only reads whether the decision is
carried out already. A limit (429) means that nothing was done, so no look is needed after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

from connectors.control import ControlAnswer, ControlRequest, ControlResult, Driver, Effect, Verdict
from connectors.controls.base import by_status
from schemas.config import Control
from schemas.identity import digest
from schemas.remediation import Decision, OutcomeStatus

FIRST_WAIT_S = 1.0
MAX_WAIT_S = 60.0
LIMITED = 429
STATUSES = {
    Verdict.DONE: OutcomeStatus.DONE,
    Verdict.RETRY: OutcomeStatus.FAILED,
    Verdict.REFUSED: OutcomeStatus.FAILED,
    Verdict.UNAUTHORIZED: OutcomeStatus.MISCONFIGURED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What is known so far of a decision at one source."""

    status: OutcomeStatus
    detail: str
    attempt: int = 0
    http_status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one request came to. `wait_s` None: the decision is settled. `is_doubtful`: it may be done all the same."""

    result: Result
    wait_s: float | None = None
    is_doubtful: bool = False


def lost(reason: str, decision: Decision, attempt: int, retry_after_s: float | None) -> Step:
    """There was no answer: the other side may have acted."""
    result = Result(status=OutcomeStatus.FAILED, detail=reason, attempt=attempt)
    wait_s = backoff_s(decision.decision_id, attempt) if retry_after_s is None else min(retry_after_s, MAX_WAIT_S)
    return Step(result=result, wait_s=wait_s, is_doubtful=True)


def answered(read: ControlResult, answer: ControlAnswer, decision: Decision, attempt: int, now_ms: int) -> Step:
    """The driver has read an answer."""
    result = Result(status=STATUSES[read.verdict], detail=read.detail, attempt=attempt, http_status=answer.status)
    if read.verdict is not Verdict.RETRY:
        return Step(result=result)
    asked = retry_after_s(answer.headers.get("retry-after", ""), now_ms)
    wait_s = backoff_s(decision.decision_id, attempt) if asked is None else min(asked, MAX_WAIT_S)
    return Step(result=result, wait_s=wait_s, is_doubtful=answer.status != LIMITED)


def looked(driver: Driver, decision: Decision, control: Control, answer: ControlAnswer, step: Step) -> Step | None:
    """What the look shows: the decision is carried out, or the look failed (`step`), or None: send it again."""
    if driver.is_done(decision, control, answer):
        detail = f"{driver.name} had done it, though its answer was lost; a look confirmed it with {answer.status}"
        done = replace(step.result, status=OutcomeStatus.DONE, detail=detail, http_status=answer.status)
        return Step(result=done)
    is_readable = by_status(answer, driver.name).verdict in {Verdict.DONE, Verdict.REFUSED}
    return None if is_readable else replace(step, is_doubtful=True)


def with_key(effect: Effect, decision: Decision) -> Effect:
    """The request with the decision's id as `Idempotency-Key`, for APIs that know it."""
    if not isinstance(effect, ControlRequest):
        return effect
    return replace(effect, headers={**effect.headers, "idempotency-key": decision.decision_id})


def retry_after_s(value: str, now_ms: int) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110 10.2.3: seconds or a date); None if unreadable."""
    if value.strip().isascii() and value.strip().isdigit():
        return float(value[:9])
    try:
        return max(parsedate_to_datetime(value).timestamp() - now_ms / 1000, 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def backoff_s(decision_id: str, attempt: int) -> float:
    """Doubling from one second, between half and the whole of it; spread by the decision's own hash."""
    share = int(digest(decision_id, attempt)[:8], 16) / 0xFFFFFFFF
    return min(FIRST_WAIT_S * 2.0 ** (attempt - 1), MAX_WAIT_S) * (0.5 + share / 2)
