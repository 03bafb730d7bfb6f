"""Talks to the services whose lists `connectors.suppression` knows: page after page in, batch after batch out.

What may succeed later (429, 5xx, no answer) is tried `TRIES` times, waiting longer each time, or as long as the
answer asks for, two minutes at most. Wrong credentials are not tried again. A batch that is refused for what it holds
is halved until the addresses that are not taken stand alone. No message names an address, a header or a body.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import httpx

from connectors import control_http
from connectors.controls.base import ControlResult, Verdict
from connectors.controls.effects import ControlAnswer
from connectors.suppression import Ask, Entry, Page, ServiceList, Taken
from schemas.config import Control
from schemas.errors import FailureCode, Misconfigured, Permanent, Transient
from streams.core.remediation.attempt import retry_after_s

TRIES = 6
FIRST_WAIT_S = 2.0  # 62 seconds in all where nobody says how long: the longest usual refresh is a minute
LONGEST_WAIT_S = 120.0
TIMEOUT_S = 60.0
MOST_REQUESTS = 100_000  # for one list that is read, or one call of `put`; then something goes round in a circle
MAX_ANSWER_BYTES = 64 * 1024 * 1024  # about 400,000 addresses where a list has no pages
Said = TypeVar("Said", Page, Taken)
_HALVED = frozenset({400, 413, 422})  # what says that the request, and not the caller, is wrong
_REFUSED_IN_A_ROW = 20  # addresses one by one; then it is not the addresses
_EPOCH_FROM = 1_000_000_000  # a number of seconds above this is a moment


@dataclass(frozen=True, slots=True)
class Exchange:
    """Asks over `client`; `clock_ms` is wall time, `sleep` waits seconds."""

    client: httpx.AsyncClient
    clock_ms: Callable[[], int]
    sleep: Callable[[float], Awaitable[None]]

    async def pages(self, service: ServiceList, control: Control, since_ms: int) -> AsyncIterator[tuple[str, Page]]:
        """Each page of each list, and the list's name; entries from `since_ms` (0: all) on.

        Raises Misconfigured for what a person must change, Transient when there was no good answer in `TRIES` tries,
        Permanent when the service refuses or answers something else than it documents.
        """
        asks = deque(service.lists(control, since_ms, self.clock_ms()))
        seen: set[int] = set()
        for _ in range(MOST_REQUESTS):
            if not asks:
                return
            ask = asks.popleft()
            page_id = hash((ask.url, *ask.query.items()))
            if page_id in seen:
                raise Permanent(FailureCode.WRONG_SHAPE, f"{service.title} names the same page of {ask.listed} twice")
            seen.add(page_id)
            answer, result = await self._answer(service, control, ask)
            if result.verdict is not Verdict.DONE:
                raise _refusal(result.verdict, f"{ask.listed}: {result.detail}")
            page = _understood(service, ask, answer, service.read)
            asks.extendleft(reversed(page.more))
            kept = tuple(entry for entry in page.entries if entry.since >= since_ms)
            yield ask.listed, replace(page, entries=kept)
        raise Permanent(FailureCode.WRONG_SHAPE, f"{service.title} has no end of pages after {MOST_REQUESTS} requests")

    async def put(self, service: ServiceList, control: Control, entries: Sequence[Entry]) -> list[tuple[Entry, str]]:
        """Put these on the service's list; those that it does not take, and why. Raises as `pages` does.

        What was taken before something is raised stays; doing it again does no harm.
        """
        refused = no_place(service, entries)
        takeable = [entry for entry in entries if entry.cause in service.takes]
        asks = deque(service.add(control, takeable) if takeable else ())
        in_a_row = 0
        for _ in range(MOST_REQUESTS):
            if not asks:
                return refused
            ask = asks.popleft()
            answer, result = await self._answer(service, control, ask)
            if result.verdict is Verdict.DONE:
                taken, in_a_row = _understood(service, ask, answer, service.added), 0
            elif result.verdict is Verdict.REFUSED and answer.status in _HALVED and ask.method != "GET":
                taken = _parted(service, ask, answer.status)
                in_a_row += len(taken.refused)
            else:
                raise _refusal(result.verdict, _sentence(service, ask, answer, result))
            if in_a_row >= _REFUSED_IN_A_ROW:
                raise Permanent(
                    FailureCode.ACTION_REFUSED, f"{_refused(service, answer.status)} for {in_a_row} addresses"
                )
            refused += taken.refused
            asks.extendleft(reversed(taken.more))
        raise Permanent(FailureCode.ACTION_REFUSED, f"{service.title} was given {MOST_REQUESTS} requests; go on later")

    async def _answer(self, service: ServiceList, control: Control, ask: Ask) -> tuple[ControlAnswer, ControlResult]:
        """The first answer that is no request to come back later. Raises Transient."""
        wait_s, said = service.gap_s, ""
        for attempt in range(TRIES):
            await self.sleep(wait_s)
            wait_s = min(FIRST_WAIT_S * 2.0**attempt, LONGEST_WAIT_S)
            request = service.request(ask, control, self.clock_ms())
            try:
                answer = await control_http.send(self.client, request, TIMEOUT_S, MAX_ANSWER_BYTES)
            except Transient as error:
                said = str(error)
                continue
            result = service.interpret(answer)
            if result.verdict is not Verdict.RETRY:
                return answer, result
            said = result.detail
            wait_s = min(max(wait_s, _asked_wait_s(answer, self.clock_ms())), LONGEST_WAIT_S)
        raise Transient(f"{service.title} gave no answer in {TRIES} tries ({said}); what was done so far stays")


def no_place(service: ServiceList, entries: Sequence[Entry]) -> list[tuple[Entry, str]]:
    """Those for whose cause the service has no list, and that it says so."""
    why = "{} has no list for the cause {}"
    return [(entry, why.format(service.title, entry.cause)) for entry in entries if entry.cause not in service.takes]


def _asked_wait_s(answer: ControlAnswer, now_ms: int) -> float:
    """Seconds to wait by Retry-After (RFC 9110), else by the headers of SendGrid and Brevo; 0 if none says."""
    if "retry-after" in answer.headers:
        return retry_after_s(answer.headers["retry-after"], now_ms) or 0.0
    for name in ("x-ratelimit-reset", "x-sib-ratelimit-reset"):
        given = answer.headers.get(name, "")
        if answer.status == 429 and given.isascii() and given.isdecimal():
            seconds = float(given[:12])
            return max(0.0, seconds - now_ms / 1000) if seconds > _EPOCH_FROM else seconds
    return 0.0


def _understood(
    service: ServiceList, ask: Ask, answer: ControlAnswer, read: Callable[[Ask, ControlAnswer], Said]
) -> Said:
    """What the answer says. Raises Permanent for one that is too large, or not as documented."""
    if len(answer.body) >= MAX_ANSWER_BYTES:
        detail = f"{service.title} answered with more than {MAX_ANSWER_BYTES} bytes for {ask.listed}; use --since"
        raise Permanent(FailureCode.BODY_TOO_LARGE, detail)
    try:
        return read(ask, answer)
    except ValueError:  # its text may hold what was read
        detail = f"{service.title} answered for {ask.listed} with something else than it documents"
        raise Permanent(FailureCode.WRONG_SHAPE, f"{detail}; is `control.base_url` right?") from None


def _parted(service: ServiceList, ask: Ask, status: int) -> Taken:
    """A refused batch in halves; an address that stands alone is refused."""
    if len(ask.entries) < 2:
        return Taken(refused=tuple((entry, _refused(service, status)) for entry in ask.entries))
    middle = len(ask.entries) // 2
    return Taken(more=tuple(replace(ask, entries=half) for half in (ask.entries[:middle], ask.entries[middle:])))


def _refusal(verdict: Verdict, detail: str) -> Misconfigured | Permanent:
    return Misconfigured(detail) if verdict is Verdict.UNAUTHORIZED else Permanent(FailureCode.ACTION_REFUSED, detail)


def _sentence(service: ServiceList, ask: Ask, answer: ControlAnswer, result: ControlResult) -> str:
    """Without the answer's own words: what refuses addresses names them."""
    detail = result.detail if result.verdict is Verdict.UNAUTHORIZED else _refused(service, answer.status)
    return f"{ask.listed}: {detail}"


def _refused(service: ServiceList, status: int) -> str:
    return f"{service.title} refused with {status}"
