"""A circuit breaker for one API: after several failures in a row it is left alone for a while, then tried by one.

Closed: every request may go. After `FAILURES` failures in a row it opens: nothing goes for `OPEN_MS`. Then one request
may try; it closes the breaker or opens it again for twice as long, at most `MAX_OPEN_MS`, so that a decision, which has
two minutes, meets at least one such try. A try that is never reported on stops counting after `PROBE_MS`.

A failure is no answer, or an answer that says the service is broken. A refusal, wrong credentials or a limit (429)
come from a service that works. Pure: a frozen state, and the time as a parameter (milliseconds, any clock that rises).
Method: M. Nygard, "Release It!", circuit breaker with a half-open state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FAILURES = 5  # as many as one decision has attempts
OPEN_MS = 15_000
MAX_OPEN_MS = 60_000
PROBE_MS = 20_000  # longer than one attempt may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """`failures` in a row; `until_ms`: nothing may go before; `open_ms`: how long it was opened last, 0 closed.

    `is_trying`: one request is on its way to see whether the service works again.
    """

    failures: int = 0
    open_ms: int = 0
    until_ms: int = 0
    is_trying: bool = False

    @property
    def is_closed(self) -> bool:
        """Whether requests go as they come."""
        return self.open_ms == 0

    def wait_ms(self, now_ms: int) -> int:
        """Milliseconds until a request may go (or until asking again is worth it); 0 now."""
        return 0 if self.is_closed else max(self.until_ms - now_ms, 0)

    def started(self, now_ms: int) -> Breaker:
        """A request goes out. While the breaker is open it is the one that tries; the others wait for it."""
        return self if self.is_closed else replace(self, until_ms=now_ms + PROBE_MS, is_trying=True)

    def succeeded(self) -> Breaker:
        """The service answered like one that works."""
        return CLOSED

    def failed(self, now_ms: int) -> Breaker:
        """It did not. What was on its way when the breaker opened changes nothing."""
        if not self.is_closed and not self.is_trying:
            return self
        failures = self.failures + 1
        if self.is_closed and failures < FAILURES:
            return replace(self, failures=failures)
        open_ms = OPEN_MS if self.is_closed else min(2 * self.open_ms, MAX_OPEN_MS)
        return Breaker(failures=failures, open_ms=open_ms, until_ms=now_ms + open_ms)


CLOSED = Breaker()
