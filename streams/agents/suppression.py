"""Suppression: email events in, facts about who must not be mailed out.

Only the few events that can say something are decoded; the rest is passed over as columns. The position moves when
the broker has acknowledged every fact. The list itself is the keeper's (`streams.suppression.keeper`), and is read
back before the first event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, KafkaException

from schemas.avro import Codec
from schemas.errors import Permanent
from schemas.events import EmailEvent
from schemas.failures import Stage
from schemas.topics import DEAD_LETTERS, EMAIL_EVENTS
from streams.core.columns import Read, read_records
from streams.core.normalise import Origin, unreadable
from streams.core.suppression.book import Written
from streams.core.suppression.facts import DECIDING, says_anything
from streams.kafka import LogProducer, Record
from streams.lane.guard import persist
from streams.lane.lane import LaneSettings, RelayLane
from streams.lane.part import Batch, Part
from streams.suppression.keeper import Keeper
from streams.suppression.log import records_of
from streams.suppression.metrics import SuppressionMetrics
from streams.telemetry import Telemetry

_READ_BACK_S = 600.0  # some ten million records
_AT_ONCE = 50  # events: the event loop is held for 2 ms, and questions are answered in between


class EventsLane(RelayLane):
    """Email events; whoever is given partitions waits until the list has been read back."""

    def __init__(self, app: Any, settings: LaneSettings, keeper: Keeper) -> None:
        super().__init__(app, settings)
        self._keeper = keeper

    def open_parts(self, numbers: list[int]) -> dict[int, Part[None]]:
        """Wait for the list. Raises KafkaException when that takes too long."""
        if not self._keeper.wait_until_current(_READ_BACK_S):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - librdkafka's public code
        return super().open_parts(numbers)


class Suppressor:
    """Finds out what a batch of events says, and writes it."""

    def __init__(
        self, keeper: Keeper, codec: Codec, log: LogProducer, stats: Telemetry, metrics: SuppressionMetrics
    ) -> None:
        self._keeper, self._codec, self._log = keeper, codec, log
        self._stats, self._metrics = stats, metrics

    async def relay(self, batch: Batch[None]) -> None:
        """Write what the batch says; returns when the log has all of it."""
        read = read_records(batch.values, EmailEvent, DECIDING, self._codec)
        for events in self._telling(batch, read):
            await self._write(self._keeper.take(events))
        for place, error in read.broken.items():
            await self._bury(batch, place, error)

    def _telling(self, batch: Batch[None], read: Read) -> Iterator[list[EmailEvent]]:
        """The events that can say something, some at a time."""
        if not len(read.rows):
            return
        ((codes, firsts),) = read.block.code([DECIDING], read.rows)
        kinds = [[read.block.text(name, row) for name in DECIDING] for row in firsts.tolist()]
        tells = np.array([says_anything(*kind) for kind in kinds])
        places = read.rows[tells[codes]].tolist()
        for start in range(0, len(places), _AT_ONCE):
            values = (batch.values[place] or b"" for place in places[start : start + _AT_ONCE])
            yield [self._codec.decode(value, EmailEvent) for value in values]

    async def _write(self, written: list[Written]) -> None:
        records = records_of(written, self._codec)
        if records:
            await persist("writing suppressions", lambda: self._log.send_all(records))
            self._metrics.count_written(written)

    async def _bury(self, batch: Batch[None], place: int, error: Permanent) -> None:
        origin = Origin(EMAIL_EVENTS.name, batch.part.number, batch.offsets[place])
        letter = unreadable(batch.values[place] or b"", origin, error.code, str(error), Stage.SUPPRESSION)
        record = Record(DEAD_LETTERS.name, self._codec.encode(letter), letter.dead_letter_id.encode())
        await persist("writing a dead letter", lambda: self._log.send_all([record]))
        self._stats.count_dead(Stage.SUPPRESSION, error.code)


def attach(app: Any, lane: EventsLane, suppressor: Suppressor) -> None:
    """Add the agent to the app."""

    @app.agent(lane.channel)  # type: ignore[untyped-decorator]  # Faust has no types
    async def suppress(batches: AsyncIterator[Batch[None]]) -> None:
        async for batch in batches:
            try:
                if lane.accept(batch):
                    await suppressor.relay(batch)
                    lane.done(batch)
            except Exception as error:  # noqa: BLE001 - nothing may leave the loop; the process ends and reads again
                await lane.failed(batch, error)
