"""Stored events once more through everything that judges live ones: counting, slots, the watch, the desk.

Events come in the order of their receipt, through one partition whose clock is that of the receipts; so an event falls
into the second of its receipt, as it did when it was received (if it was in the log within `LATE_MS`). What is decided
does not depend on how many events come at once: time is passed on, and what is idle forgotten, at fixed times.
Nothing is remembered from before the first event, and no person says anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from schemas.aggregates import Tick
from schemas.avro import Codec
from schemas.events import EmailEvent
from schemas.policy import Policy
from schemas.remediation import Decision
from schemas.topics import DAY_MS, REPUTATION_SLOTS, VERDICTS
from streams.core.columns import read_records
from streams.core.partials import Apart, PartitionCounts
from streams.core.remediation.desk import Desk
from streams.core.remediation.desk_log import DeskLog
from streams.core.reputation.watch import Watch
from streams.core.reputation.watch.parameters import Parameters
from streams.core.reputation.watching import WatchLog
from streams.core.slots import LATE_MS

STEP_MS = 1_800_000  # of silence that are passed at once; after more than an hour the watch would tick more seldom
_AT_ONCE = 20_000  # events: some 180,000 rows, a tenth of what may wait for a slot to end
_WRITER = "backtest"


class Replay:
    """One run from `since_ms` on. `decisions`: what was decided so far; `unusable`: records that were left out."""

    def __init__(
        self, since_ms: int, policy_of: Callable[[str], Policy], parameters: Parameters, codec: Codec, apart: Apart
    ) -> None:
        """`apart`: isolates the record that a count fails on, as in `PartitionCounts`."""
        self.decisions: list[Decision] = []
        self._codec = codec
        self._counts = PartitionCounts(0, codec, apart)
        self._watch = WatchLog(1, codec, Watch(parameters))
        self._desk = DeskLog(Desk(policy_of), codec)
        for part in (self._counts, self._watch, self._desk):
            part.start(None)
        self._records = self._blocks = self._verdicts = 0  # offsets of the three logs
        self._clock = since_ms
        self._forgotten = since_ms // DAY_MS

    @property
    def events(self) -> int:
        """Events read, repetitions and late ones with them."""
        return self._counts.totals.events

    @property
    def repeated(self) -> int:
        """Events that were passed over: their id was seen before."""
        return self._counts.totals.duplicates

    @property
    def late(self) -> int:
        """Events that were passed over: received more than 72 hours after they happened."""
        return self._counts.totals.late

    @property
    def unusable(self) -> int:
        """Records that could not be read or judged."""
        return self._counts.totals.dead + self._watch.totals.dead + self._desk.totals.dead

    def take(self, values: Sequence[bytes]) -> None:
        """Take email events in (topic values of the newest schema), rising by `received_at` over all calls."""
        if not values:
            return
        read = read_records(values, EmailEvent, ("received_at",), self._codec)
        received = np.zeros(len(values), np.int64)
        received[read.rows] = read.block.number("received_at")[read.rows]
        np.maximum.accumulate(received, out=received)
        begin = 0
        for step in range(self._clock // STEP_MS + 1, int(received[-1]) // STEP_MS + 1):
            end = int(np.searchsorted(received, step * STEP_MS, side="left"))
            self._take(values[begin:end])
            self._pass(step * STEP_MS)
            begin = end
        self._take(values[begin:])

    def end(self, until_ms: int) -> None:
        """No more events before this: judge what is open, let time pass up to it."""
        for step in range(self._clock // STEP_MS + 1, until_ms // STEP_MS + 1):
            self._pass(step * STEP_MS)
        self._pass(until_ms + LATE_MS)

    def _take(self, values: Sequence[bytes]) -> None:
        for begin in range(0, len(values), _AT_ONCE):
            self._fold(values[begin : begin + _AT_ONCE])

    def _pass(self, at_ms: int) -> None:
        """Time passes, by a tick as in the log; by two, because a block counts once its successor is there."""
        tick = self._codec.encode(Tick(at=at_ms, writer=_WRITER))
        self._fold([tick])
        self._fold([tick])
        self._clock = at_ms
        if at_ms // DAY_MS > self._forgotten:
            self._forgotten = at_ms // DAY_MS
            self._watch.forget()

    def _fold(self, values: Sequence[bytes]) -> None:
        self._counts.fold(values, range(self._records, self._records + len(values)))
        self._records += len(values)
        for side in self._counts.cut(self._records).sides:
            if side.topic == REPUTATION_SLOTS.name:
                self._watch.fold([side.value], [self._blocks])
                self._blocks += 1
                self._judge()

    def _judge(self) -> None:
        said = [side.value for side in self._watch.said() if side.topic == VERDICTS.name]
        if not said:
            return
        self._desk.fold(said, range(self._verdicts, self._verdicts + len(said)))
        self._verdicts += len(said)
        self.decisions += self._desk.made
        self._desk.cut(self._verdicts)
