"""The watch as a lane's state: counts by slot in, verdicts out, its memory in a changelog.

The memory is written every ten seconds of the log's clock, all of what changed since; a new owner goes on from there
and reads the counts again from where slots were still open. What it then says again is, byte for byte, what was said
before, and readers of the verdicts pass it over by its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from schemas.aggregates import LaneMarker, Signal, Tick
from schemas.avro import Codec
from schemas.errors import FailureCode, Permanent
from schemas.failures import Stage
from schemas.topics import DEAD_LETTERS, REPUTATION_SLOTS, VERDICTS
from schemas.verdicts import SlotCounts, WatchPosition, WatchState
from streams.core.changes import Cut, Row, Side, Totals
from streams.core.normalise import Origin, unreadable
from streams.core.reputation.ledger import Key, narrow_first
from streams.core.reputation.slot_log import SlotLog, SlotRows
from streams.core.reputation.watch import Watch
from streams.core.slots import SLOT_MS

POSITION_KEY = b"\x00position"
CHECKPOINT_MS = 10_000  # of the log's clock: what is read again after a restart, at most
TICK_MS = 10_000
_FEW_TICKS = 360  # after a longer silence of the log, time passes in steps of ten minutes
_MOST_SOURCES = 16  # of a key; more than any sender has
WRITER = "watch"


class WatchLog:
    """State of the only partition of `REPUTATION_SLOTS`. `partitions`: of the email events.

    `guard` is held while the watch is touched: a lock, where another thread asks for signals.
    """

    def __init__(
        self,
        partitions: int,
        codec: Codec,
        watch: Watch | None = None,
        guard: AbstractContextManager[Any] | None = None,
    ) -> None:
        self.watch = watch or Watch()
        self.totals = Totals()
        self._partitions, self._codec = partitions, codec
        self._slots = SlotLog(partitions)
        self._sources: dict[bytes, tuple[str, ...]] = {}
        self._names: dict[bytes, bytes] = {}  # of changelog keys without their minutes
        self._sides: list[Side] = []
        self._ticked = self._written = -1  # ms
        self._position: WatchPosition | None = None
        self._guard = guard or nullcontext()

    # -- restore -------------------------------------------------------------------------------------------------

    def restore(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        """Changelog records in the order of the log. Raises Permanent for what is none of ours."""
        states: list[tuple[int, bytes, bytes]] = []
        for key, value in zip(keys, values, strict=True):
            if key == POSITION_KEY:
                self._position = None if value is None else self._codec.decode(value, WatchPosition)
            elif value is not None:
                state = self._codec.decode(value, WatchState)
                self._sources[key] = tuple(state.sources)
                states.append((state.slot, key, state.state))
        for slot, group in groupby(sorted(states), key=itemgetter(0)):
            _, names, numbers = zip(*group, strict=True)
            self.watch.restore(list(names), np.frombuffer(b"".join(numbers), "<f8").reshape(len(names), -1), slot)

    def start(self, marker: LaneMarker | None) -> int:  # noqa: ARG002 - the place is in the memory itself
        """The offset from which counts are read again: that of the last complete memory."""
        if self._position is None:
            return 0
        at = self._position
        self._slots = SlotLog(self._partitions, at.slot, at.applied_below)
        self._ticked = self._written = (at.slot + 1) * SLOT_MS
        return at.resume_offset

    # -- fold ----------------------------------------------------------------------------------------------------

    def fold(self, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        """Take a batch of the log in. Never raises for a bad record."""
        for value, offset in zip(values, offsets, strict=True):
            try:
                self._slots.add(self._codec.decode(value or b"", SlotCounts), offset)
            except (Permanent, ValueError, IndexError) as error:
                self._bury(value, offset, error)
            for slot, rows in self._slots.ready():
                self._judge(slot, rows)
            if self._slots.clock >= 0:
                self._pass_time((self._slots.closed + 1) * SLOT_MS)

    def _judge(self, slot: int, blocks: list[SlotRows]) -> None:
        self._pass_time(slot * SLOT_MS)
        names = [self._name(key) for rows in blocks for key in rows.keys]
        minutes = np.concatenate([rows.minutes for rows in blocks])
        with self._guard:
            self.watch.take(slot, names, minutes, np.concatenate([rows.counts for rows in blocks]))
        self._say(slot)

    def signals(self, key: Key) -> tuple[Signal, ...]:
        """What the detectors say of a key now; from any thread."""
        with self._guard:
            return self.watch.signals("\x1f".join(key).encode())

    def _say(self, slot: int) -> None:
        """The verdicts that are due after this slot."""
        with self._guard:
            due = self.watch.due(slot)
        for key in narrow_first(Key(*name.decode().split("\x1f", 2)) for name in due):
            name = "\x1f".join(key).encode()
            verdict = self.watch.verdict(name, slot)
            verdict.sources = list(self._sources.get(name, ()))
            self._sides.append(Side(VERDICTS.name, name, self._codec.encode(verdict)))

    def _name(self, key: bytes) -> bytes:
        """The key's name, without its source; which is noted."""
        name = self._names.get(key)
        if name is None:
            name, _, source = key.rpartition(b"\x1f")
            self._names[key] = name
            known = self._sources.get(name, ())
            if source.decode() not in known and len(known) < _MOST_SOURCES:
                self._sources[name] = tuple(sorted((*known, source.decode())))
        return name

    def _pass_time(self, now_ms: int) -> None:
        """Ticks of the log's clock up to now."""
        if self._ticked < 0:
            self._ticked = now_ms // TICK_MS * TICK_MS
        step = TICK_MS if now_ms - self._ticked <= _FEW_TICKS * TICK_MS else 60 * TICK_MS
        for at in range((self._ticked // step + 1) * step, now_ms + 1, step):
            self._say(at // SLOT_MS - 1)
            self._sides.append(Side(VERDICTS.name, None, self._codec.encode(Tick(at=at, writer=WRITER))))
            self._ticked = at

    def _bury(self, value: bytes | None, offset: int, error: Exception) -> None:
        origin = Origin(REPUTATION_SLOTS.name, 0, offset)
        code = error.code if isinstance(error, Permanent) else FailureCode.UNEXPECTED
        letter = unreadable(value or b"", origin, code, str(error), Stage.REPUTATION)
        self._sides.append(Side(DEAD_LETTERS.name, letter.dead_letter_id.encode(), self._codec.encode(letter)))
        self.totals.dead += 1

    # -- flush ---------------------------------------------------------------------------------------------------

    def said(self) -> list[Side]:
        """Verdicts, ticks and dead letters since the last call, for who keeps no memory."""
        sides, self._sides = self._sides, []
        return sides

    def forget(self) -> list[bytes]:
        """Drop keys of which nothing was counted for thirty days; their names."""
        with self._guard:
            idle = self.watch.forget(self._slots.closed)
        for name in idle:
            self._sources.pop(name, None)
        if len(self._names) > 4 * len(self.watch) + 10_000:
            self._names.clear()
        return idle

    def cut(self, next_offset: int) -> Cut:
        """Verdicts since the last cut; and the memory, when ten seconds have passed."""
        sides = self.said()
        now_ms = (self._slots.closed + 1) * SLOT_MS
        rows: list[Row] = []
        if now_ms - self._written >= CHECKPOINT_MS and self._slots.clock >= 0:
            self._written = now_ms
            rows = self._memory(next_offset)
        marker = LaneMarker(next_offset=next_offset, clock=max(self._slots.clock, 0), watermark=max(now_ms, 0))
        return Cut(rows, self._codec.encode(marker), sides)

    def _memory(self, next_offset: int) -> list[Row]:
        slot = self._slots.closed
        rows: list[Row] = []
        with self._guard:
            parts = self.watch.rows()
        for names, states in parts:
            for name, state in zip(names, states, strict=True):
                sources = list(self._sources.get(name, ()))
                record = WatchState(slot=slot, state=state.astype("<f8").tobytes(), sources=sources)
                rows.append((name, self._codec.encode(record)))
        rows += [(name, None) for name in self.forget()]
        at = WatchPosition(slot=slot, resume_offset=self._slots.oldest(next_offset), applied_below=next_offset)
        return [*rows, (POSITION_KEY, self._codec.encode(at))]
