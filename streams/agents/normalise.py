"""Normalise: raw webhooks in, canonical events and dead letters out, and the log's own clock.

Position is committed after the broker has acknowledged everything a batch became. A kill in between
means the batch is read and written again; the events' ids are the same, so they are dropped downstream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from mode import Service

from connectors.base import Connector
from schemas.aggregates import Tick
from schemas.avro import Codec
from schemas.config import Config
from schemas.envelope import RawWebhook
from schemas.errors import FailureCode, Permanent, Transient
from schemas.events import EmailEvent
from schemas.failures import DeadLetter, Stage
from schemas.identity import partition_key
from schemas.reports import AuthReport, StandingReport
from schemas.topics import (
    ACTIVITY_EVENTS,
    AUTH_REPORTS,
    DEAD_LETTERS,
    EMAIL_EVENTS,
    STANDING_REPORTS,
    WEBHOOKS,
    Topic,
)
from streams.core.normalise import Exploded, Origin, explode, unreadable
from streams.delivery import Pair, Record
from streams.kafka import LogProducer
from streams.lane.guard import apart, persist
from streams.lane.lane import RelayLane
from streams.lane.part import Batch
from streams.telemetry import Telemetry

Raw = tuple[bytes | None, int]  # a record's value and offset
Part = list[tuple[str, list[Pair]]]  # topics, and the records for each
_REQUESTS_AT_ONCE = 16  # 480 events of 30-event posts: the event loop is held for 10 to 20 ms


class Normaliser:
    """Turns batches of raw webhooks into records for the event topics."""

    def __init__(self, config: Config, codec: Codec, connectors: Callable[[str], Connector], stats: Telemetry) -> None:
        self._config, self._codec, self._connectors, self._stats = config, codec, connectors, stats

    def records(self, batch: Batch[None]) -> list[Record]:
        """What the batch becomes; a record that makes the core raise becomes a dead letter."""
        return [Record(topic, *pair) for part in self.parts(batch) for topic, pairs in part for pair in pairs]

    def parts(self, batch: Batch[None]) -> Iterator[Part]:
        """The same in parts of a few hundred events, each made when it is asked for."""
        raws = list(zip(batch.values, batch.offsets, strict=True))
        for start in range(0, len(raws), _REQUESTS_AT_ONCE):
            yield self._part(raws[start : start + _REQUESTS_AT_ONCE], batch.part.number)

    def _part(self, raws: Sequence[Raw], partition: int) -> Part:
        results, poison = apart(raws, lambda some: self._explode(some, partition))
        made = [item for _, exploded in results for item in exploded]
        for position, error in poison.items():
            value, offset = raws[position]
            origin = Origin(WEBHOOKS.name, partition, offset)
            made.append(Exploded(dead_letters=[_poison(value or b"", origin, error)]))
        self._stats.count_normalised(made)
        return self._encode(made)

    def _explode(self, raws: Sequence[Raw], partition: int) -> list[Exploded]:
        made = []
        for value, offset in raws:
            origin = Origin(WEBHOOKS.name, partition, offset)
            raw = self._codec.decode(value or b"", RawWebhook)
            made.append(explode(raw, origin, self._config, self._connectors))
        return made

    def _encode(self, made: Sequence[Exploded]) -> Part:
        encode = self._codec.encode
        emails: list[Pair] = []
        activities: list[Pair] = []
        letters: list[Pair] = []
        reports: list[Pair] = []
        standings: list[Pair] = []
        for item in made:
            for event in item.events:
                if isinstance(event, AuthReport):
                    reports.append((encode(event), partition_key(event.tenant, event.domain)))
                    continue
                if isinstance(event, StandingReport):
                    about = event.domain or event.sending_ip
                    standings.append((encode(event), partition_key(event.tenant, about)))
                    continue
                pairs = emails if type(event) is EmailEvent else activities
                pairs.append((encode(event), partition_key(event.tenant, event.recipient_key or event.event_id)))
            letters += [(encode(letter), letter.dead_letter_id.encode()) for letter in item.dead_letters]
        return [
            (EMAIL_EVENTS.name, emails),
            (ACTIVITY_EVENTS.name, activities),
            (AUTH_REPORTS.name, reports),
            (STANDING_REPORTS.name, standings),
            (DEAD_LETTERS.name, letters),
        ]


def _poison(value: bytes, origin: Origin, error: Exception) -> DeadLetter:
    code = error.code if isinstance(error, Permanent) else FailureCode.UNEXPECTED
    reason = str(error) if isinstance(error, Permanent) else f"{type(error).__name__}: {error}"
    return unreadable(value, origin, code, reason, Stage.NORMALISE)


def attach(app: Any, lane: RelayLane, normaliser: Normaliser, log: LogProducer) -> None:
    """Add the agent to the app."""

    @app.agent(lane.channel)  # type: ignore[untyped-decorator]  # Faust has no types
    async def normalise(batches: AsyncIterator[Batch[None]]) -> None:
        async for batch in batches:
            try:
                if lane.accept(batch):
                    await _relay(batch, normaliser, log)
                    lane.done(batch)
            except Exception as error:  # noqa: BLE001 - nothing may leave the loop; the process ends and reads again
                await lane.failed(batch, error)


async def _relay(batch: Batch[None], normaliser: Normaliser, log: LogProducer) -> None:
    """Write what the batch becomes, the first events while the next are made; returns when all is acknowledged."""
    fresh, made = normaliser.parts(batch), list[Part]()

    def parts() -> Iterator[Part]:
        yield from made  # by an attempt before this one
        for part in fresh:
            made.append(part)
            yield part

    async def attempt() -> None:
        sending = log.begin()
        for part in parts():
            for topic, pairs in part:
                await sending.add(topic, pairs)
        await sending.finish()

    await persist("writing events", attempt)


class TickWriter(Service):
    """Writes a tick into every partition of the event topics, so that time passes on quiet ones too.

    Several writers do no harm: a partition's clock is the highest tick or receipt time in it.
    """

    def __init__(
        self,
        log: LogProducer,
        codec: Codec,
        *,
        every_s: float,
        partitions: Mapping[Topic, int],
        writer: str,
        clock_ms: Callable[[], int],
    ) -> None:
        super().__init__()
        self._log, self._codec, self._every_s = log, codec, every_s
        self._partitions, self._writer, self._clock_ms = partitions, writer, clock_ms

    @Service.task
    async def _tick(self) -> None:
        while not self.should_stop:
            await self.sleep(self._every_s)
            value = self._codec.encode(Tick(at=self._clock_ms(), writer=self._writer))
            records = [
                Record(topic.name, value, None, partition)
                for topic in (EMAIL_EVENTS, ACTIVITY_EVENTS)
                for partition in range(self._partitions[topic])
            ]
            try:
                await self._log.send_all(records)
            except Transient as error:  # the next tick says more than this one would
                self.log.warning("no tick written: %s", error)
