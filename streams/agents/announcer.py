"""Tells people: a queue and a task for each channel, so that a dead chat delays neither an action nor another channel.

What waits is in memory; what was told is in the outcomes topic. After a crash the rest is found there again
(`announce.untold`), so nothing is forgotten and a repeat is possible only for what was sent and not yet written down.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

from connectors.alerts.base import Message
from schemas.alerts import Alert
from schemas.remediation import Decision, Outcome
from streams.core.remediation.alert_pace import Pace, Turn, turn
from streams.core.remediation.announce import Clock, Delivery, Told, outcome_of
from streams.core.remediation.telling import digest_of, message_of, told_id

LOG = logging.getLogger(__name__)
MOST_WAITING = 1_000  # a channel; more are counted in its digest and not named

Deliver = Callable[[Message, Alert], Awaitable[Delivery]]
"""Brings one message to one channel; never raises for what the other side did (`announce.deliver`)."""
Write = Callable[[Outcome], Awaitable[None]]
"""Makes one outcome durable."""


class Announcer:
    """All channels of the configuration."""

    def __init__(
        self, alerts: Sequence[Alert], deliver: Deliver, write: Write, clock_ms: Clock, console_url: str = ""
    ) -> None:
        self._queues = [_Queue(alert, deliver, write, clock_ms, console_url) for alert in alerts]

    def submit(self, decision: Decision, outcomes: Iterable[Outcome], settled: Iterable[str] = ()) -> None:
        """Tell every channel that wants it and whose outcome is not in `settled`. Never waits.

        `outcomes`: what the controls answered. Submitting the same decision while it waits does nothing.
        """
        known, given = set(settled), list(outcomes)
        for queue in self._queues:
            if queue.alert.wants(decision) and told_id(decision.decision_id, queue.alert.name) not in known:
                queue.put((decision, given))

    async def run(self) -> None:
        """Tell until cancelled. What `write` raises comes out."""
        async with asyncio.TaskGroup() as tasks:
            for queue in self._queues:
                tasks.create_task(queue.run())


class _Queue:
    """What one channel is still to be told, and how fast."""

    def __init__(self, alert: Alert, deliver: Deliver, write: Write, clock_ms: Clock, console_url: str) -> None:
        self.alert = alert
        self._deliver, self._write, self._clock_ms, self._console_url = deliver, write, clock_ms, console_url
        self._waiting: deque[tuple[int, Told]] = deque()
        self._ids: set[str] = set()
        self._unlisted = 0
        self._pace = Pace()
        self._has_some = asyncio.Event()

    def put(self, told: Told) -> None:
        if told[0].decision_id in self._ids:
            return
        if len(self._waiting) >= MOST_WAITING:
            if not self._unlisted:
                LOG.warning(
                    "alert %s: more than %d decisions wait; the rest is only counted", self.alert.name, MOST_WAITING
                )
            self._unlisted += 1
            return
        self._ids.add(told[0].decision_id)
        self._waiting.append((self._clock_ms(), told))
        self._has_some.set()

    async def run(self) -> None:
        while True:
            await self._has_some.wait()
            self._pace, now, wait_ms = turn(self._pace, self._clock_ms(), self.alert.max_per_hour, self._waiting[0][0])
            if now is Turn.NONE:
                await asyncio.sleep(wait_ms / 1000)
                continue
            await self._tell([self._waiting[0][1]] if now is Turn.ONE else [told for _, told in self._waiting])

    async def _tell(self, batch: Sequence[Told]) -> None:
        """Send, write down, and only then forget."""
        unlisted = self._unlisted if len(batch) == len(self._waiting) else 0
        delivery = await self._deliver(self._message(batch, unlisted), self.alert)
        for decision, _ in batch:
            await self._write(outcome_of(decision, self.alert, delivery, self._clock_ms()))
            self._waiting.popleft()
            self._ids.discard(decision.decision_id)
        self._unlisted -= unlisted
        if not self._waiting:
            self._has_some.clear()

    def _message(self, batch: Sequence[Told], unlisted: int) -> Message:
        if len(batch) == 1 and not unlisted:
            return message_of(*batch[0], self.alert.name, self._console_url)
        return digest_of(batch, unlisted, self.alert.name, self._console_url)
