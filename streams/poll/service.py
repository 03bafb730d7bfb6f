"""The poll service: one task per source that asks, keeps each answer raw, notes when that was, and waits.

A round that breaks off is repeated as a whole after a wait that doubles up to an hour; what was kept comes again with
the same ids. Sources are independent of each other. After being down a round asks for the days it missed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from schemas.config import Config, Source
from schemas.envelope import RawWebhook, request_id
from schemas.errors import Misconfigured, Permanent, Transient
from schemas.topics import WEBHOOKS
from streams.poll import postmaster, snds
from streams.poll.asking import Asker
from streams.poll.metrics import PollMetrics
from streams.poll.position import Position, PositionFile, current, renewed
from streams.poll.tokens import Tokens, credentials_of, google_token, microsoft_token

LOG = logging.getLogger(__name__)
MOST_DAYS = 30  # that one round asks for
_FIRST_WAIT_S = 60.0
_LONGEST_WAIT_S = 3600.0
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000


class Log(Protocol):
    """Where records become safe; `streams.kafka.LogProducer` is the real one."""

    async def send(self, topic: str, value: bytes) -> tuple[int, int]:
        """(partition, offset) once acknowledged. Raises Transient, or Permanent if it is too large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Asks for one source. `encode` makes a record's topic value, `clock_ms` the time."""

    source: Source
    asker: Asker
    log: Log
    encode: Callable[[RawWebhook], bytes]
    clock_ms: Callable[[], int]
    metrics: PollMetrics
    position: PositionFile

    def due_in_s(self) -> float:
        """Seconds until the next round; 0 if it is due."""
        every_ms = self.source.poll.every_h * _HOUR_MS
        left_ms = self.position.load().asked_at + every_ms - self.clock_ms()
        return min(max(0.0, left_ms), every_ms) / 1000  # a clock that was set back costs one interval

    async def round(self) -> int:
        """Ask for everything once and keep it; how many answers. Raises Transient, Permanent, Misconfigured."""
        now_ms, kept = self.clock_ms(), 0
        async for url, body in self._answers(now_ms):
            await self.log.send(WEBHOOKS.name, self.encode(self._record(url, body)))
            self.metrics.answers.labels(self.source.name).inc()
            kept += 1
        self.position.save(msgspec.structs.replace(self.position.load(), asked_at=now_ms))
        return kept

    async def _answers(self, now_ms: int) -> AsyncIterator[tuple[str, bytes]]:
        poll, today = self.source.poll, datetime.fromtimestamp(now_ms / 1000, UTC).date()
        position, given = self.position.load(), poll.credentials.get_secret_value()
        days = days_to_ask(poll.days, position, now_ms)
        if self.source.provider == "snds" and not given.lstrip().startswith("{"):
            async for answer in snds.answers_by_key(self.asker, given):
                yield answer
            return
        token = await self._token(given, position, now_ms)
        if self.source.provider == "snds":
            async for answer in snds.answers(self.asker, token.access, today, days):
                yield answer
            return
        for domain in poll.domains:
            try:
                async for answer in postmaster.answers(self.asker, token.access, domain, today, days):
                    yield answer
            except Misconfigured as error:  # of one domain; the others are asked for all the same
                self.metrics.failures.labels(self.source.name).inc()
                LOG.error("source %s: %s", self.source.name, error)  # noqa: TRY400 - no defect of ours

    async def _token(self, given: str, position: Position, now_ms: int) -> Tokens:
        """A token; a refresh token that came with it is saved before anything else can fail."""
        try:
            credentials = credentials_of(given)
            newest = current(credentials, position)
            if self.source.provider == "snds":
                token = await microsoft_token(self.asker, newest)
            else:
                subject = self.source.poll.subject
                token = await google_token(self.asker, newest, postmaster.SCOPE, subject, now_ms // 1000)
        except Misconfigured as error:
            raise Misconfigured(f"source {self.source.name!r}: {error}") from None
        changed = renewed(credentials, position, token.refresh)
        if changed != position:
            self.position.save(changed)
        return token

    def _record(self, url: str, body: bytes) -> RawWebhook:
        source = self.source
        return RawWebhook(
            request_id=request_id(source.name, url, body),
            tenant=source.tenant,
            source=source.name,
            provider=source.provider,
            received_at=self.clock_ms(),
            url=url,
            body=body,
        )


def days_to_ask(days: int, position: Position, now_ms: int) -> int:
    """`days`, and as many more as were missed since the last whole round, up to `MOST_DAYS`."""
    missed = (now_ms - position.asked_at) // _DAY_MS if position.asked_at else 0
    return max(days, min(MOST_DAYS, days + missed - 1))


def sources_of(config: Config) -> list[Source]:
    """Those with a `poll`. Raises Misconfigured when there is none."""
    found = [source for source in config.sources if source.poll.is_on]
    if not found:
        raise Misconfigured("no source has a `poll`, so there is nothing to ask; see docs/poll.md")
    return found


async def watch(poller: Poller, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Ask again and again, until it is cancelled. Raises Misconfigured."""
    name, again_s = poller.source.name, _FIRST_WAIT_S
    wait_s = poller.due_in_s()
    while True:
        await sleep(wait_s)
        try:
            LOG.info("source %s: %d answers kept", name, await poller.round())
            wait_s, again_s = poller.due_in_s(), _FIRST_WAIT_S
        except (Transient, Permanent) as error:
            poller.metrics.failures.labels(name).inc()
            LOG.warning("source %s: %s; trying again", name, error)
            wait_s, again_s = again_s, min(again_s * 2, _LONGEST_WAIT_S)


async def serve(pollers: Sequence[Poller], stop: asyncio.Event) -> None:
    """Ask for every source until `stop`; a round that is under way is dropped then. Raises Misconfigured."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(watch(poller)) for poller in pollers]
            LOG.info("asking for %d sources", len(pollers))
            await stop.wait()
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as errors:
        if (found := errors.subgroup(Misconfigured)) is not None:
            raise found.exceptions[0] from None
        raise
