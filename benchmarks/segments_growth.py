"""What ten million recipients of a segment cost: memory, disk, and the CPU of an event, by how many there are.

The state of the segments service itself, its evaluator and its rows in RocksDB, in this process and without a log: four
partitions that share their memory as in the service, batches of 1,000 events, timers behind each, a flush after every
five. The rule is that of `engaged-buyers-cooling`: everybody buys once within twenty days; one in four gets three
mails and enters a day later by time alone. Then some, anywhere, buy again, so that rows are read which are on disk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from benchmarks.figure import Figure, Plan, median_of
from benchmarks.processes import used
from benchmarks.recipients import EXAMPLES, TENANT
from schemas.aggregates import Tick
from schemas.announcements import RulesAnnounced
from schemas.avro import Codec
from schemas.events import ActivityEvent, EmailEvent, EventType
from schemas.identity import digest
from schemas.segments.files import load_segments
from streams.agents.segment_state import FORM, SegmentState
from streams.core.segments.announced import packed
from streams.core.segments.row import timer_of
from streams.lane.disk import DiskRows
from streams.lane.rocks import Memory

RULE = EXAMPLES / "engaged-buyers-cooling.yaml"
PARTITIONS, BATCH, BATCHES_A_FLUSH = 4, 1_000, 5
MAILED, MAILS = 4, 3  # every fourth recipient gets so many
STEPS = (0.1, 0.2, 0.5, 1.0)  # of all recipients: where memory is looked at
START, DAY, DAYS = 1_774_569_600_000, 86_400_000, 20
_WHO, _ID, _MESSAGE = b"0" * 32, b"1" * 32, b"2" * 32
_CODEC = Codec()


class Stand(NamedTuple):
    """With so many recipients: resident memory, bytes on disk of each, CPU of an event of new and of known ones."""

    recipients: int
    rss_mb: float
    disk_bytes: float
    new_us: float
    known_us: float


def measure(plan: Plan) -> list[Figure]:
    """At a tenth, a fifth, a half and all of the recipients. One run: it takes minutes."""
    recipients, again = (100_000, 20_000) if plan.quick else (10_000_000, 200_000)
    growth, stands = Growth(plan.work / "rows", plan.seed, recipients), list[Stand]()
    for step in STEPS:
        stands.append(stand := growth.up_to(int(recipients * step), again))
        plan.say(
            f"{stand.recipients:,} recipients: {stand.rss_mb:.0f} MB, {stand.disk_bytes:.0f} bytes each on disk;"
            f" {stand.new_us:.1f} us an event of new ones, {stand.known_us:.1f} of known ones"
        )
    found = [figure for stand in stands for figure in _figures(stand)]
    if not plan.quick:  # in a small one the stores' buffers are still filling
        ratio = stands[-1].rss_mb / stands[0].rss_mb
        found.append(median_of("segments_growth_memory", [ratio], "x", goal="<= 1.25", note="of ten times as many"))
        goal = "<= 300"
        found.append(
            median_of("segments_growth_bytes", [stands[-1].disk_bytes], "bytes", goal=goal, note="on disk, each")
        )
    members, wanted = growth.end(), recipients // MAILED
    note = f"of {recipients:,} recipients" if members == wanted else f"wrong: {wanted:,} were to enter"
    return [*found, median_of("segments_growth_members", [members], "recipients", note=note)]


def _figures(stand: Stand) -> list[Figure]:
    name, who = f"segments_growth_{_short(stand.recipients)}", f"{stand.recipients:,} recipients"
    return [
        median_of(f"{name}_rss_mb", [stand.rss_mb], "MB", note=who),
        median_of(f"{name}_bytes", [stand.disk_bytes], "bytes", note=f"on disk, a recipient; {who}"),
        median_of(f"{name}_new_us", [stand.new_us], "us", note=f"CPU of an event, timers and flushes; {who}"),
        median_of(f"{name}_known_us", [stand.known_us], "us", note=f"of who was known already; {who}"),
    ]


def _short(number: int) -> str:
    return f"{number // 1_000_000}m" if number >= 1_000_000 else f"{number // 1_000}k"


class Growth:
    """The partitions of `recipients` recipients, filled more and more."""

    def __init__(self, folder: Path, seed: int, recipients: int) -> None:
        memory, rules = Memory(), RulesAnnounced(tenant=TENANT, number=1, live=packed(load_segments([RULE])))
        self._folder, self._dice = folder, Random(seed)
        self._recipients = self._taken = self._batches = 0
        self._pace_ms = DAYS * DAY / recipients / (1 + MAILS / MAILED) * BATCH * 0.9  # 0.9: some buy again
        self._states = []
        for number in range(PARTITIONS):
            rows = DiskRows(folder / str(number), memory, lambda: 0, order=timer_of, form=FORM)
            rows.begin("bench")
            self._states.append(SegmentState(number, rows, _CODEC))
            self._states[-1].start(None)
            self._states[-1].use(rules)

    def up_to(self, recipients: int, again: int) -> Stand:
        """So many recipients; then `again` of them, by chance, buy again."""
        new_us = self._take(_Who(number, MAILS if number % MAILED == 0 else 0) for number in self._more(recipients))
        known_us = self._take(_Who(self._dice.randrange(recipients), 0) for _ in range(again))
        size = sum(each.stat().st_size for each in self._folder.rglob("*") if each.is_file())
        return Stand(recipients, used(os.getpid()).rss_mb, size / recipients, new_us, known_us)

    def end(self) -> int:
        """A day passes; how many are in the segment then. The folders are released."""
        for state in self._states:
            state.fold([_CODEC.encode(Tick(at=self._clock + DAY + 1, writer="bench"))], [self._taken])
            while state.fire():
                if state.unwritten > BATCH * BATCHES_A_FLUSH:
                    self._flush(state)
            self._flush(state)
            state.kept.close()
        return sum(state.totals.entered - state.totals.left for state in self._states)

    def _more(self, recipients: int) -> range:
        more, self._recipients = range(self._recipients, recipients), recipients
        return more

    @property
    def _clock(self) -> int:
        return START + int(self._batches * self._pace_ms)

    def _take(self, who: Iterator[_Who]) -> float:
        """What they do, a batch of one partition at a time; microseconds of CPU an event."""
        waiting: list[list[bytes]] = [[] for _ in self._states]
        spent_s, first = 0.0, self._taken
        events = _Events(self._clock, self._dice)
        for each in who:
            key = digest("growth", each.number)
            place = int(key[:4], 16) % PARTITIONS
            waiting[place] += events.of(key.encode(), each.mails)
            if len(waiting[place]) >= BATCH:
                spent_s += self._fold(place, waiting[place])
                waiting[place] = []
                events = _Events(self._clock, self._dice)
        spent_s += sum(self._fold(place, values) for place, values in enumerate(waiting) if values)
        return spent_s / (self._taken - first) * 1e6

    def _fold(self, place: int, values: list[bytes]) -> float:
        state, began = self._states[place], time.process_time()
        state.fold(values, range(self._taken, self._taken + len(values)))
        state.fire()
        self._taken += len(values)
        self._batches += 1
        if self._batches % BATCHES_A_FLUSH == 0:
            for each in self._states:
                self._flush(each)
        return time.process_time() - began

    def _flush(self, state: SegmentState) -> None:
        state.kept.settle(state.cut(self._taken).marker, self._taken)


class _Who(NamedTuple):
    """A recipient who buys, and gets so many mails."""

    number: int
    mails: int


class _Events:
    """Events at one instant, as Avro: made once, then copied with ids of the same length."""

    def __init__(self, at: int, dice: Random) -> None:
        known: dict[str, Any] = {"event_id": _ID.decode(), "recipient_key": _WHO.decode(), "tenant": TENANT}
        order = ActivityEvent(
            source="bench-shop", provider="segment", activity="track", name="Order Completed", occurred_at=at,
            received_at=at, properties='{"products": [{"sku": "X-100"}]}', **known,
        )  # fmt: skip
        mail = EmailEvent(
            source="bench-esp", provider="sendgrid", event_type=EventType.DELIVERED, occurred_at=at, received_at=at,
            message_id=_MESSAGE.decode(), stream="marketing", **known,
        )  # fmt: skip
        self._order, self._mail = _CODEC.encode(order), _CODEC.encode(mail)
        self._dice = dice

    def of(self, key: bytes, mails: int) -> list[bytes]:
        """An order and some mails of this recipient."""
        return [self._copy(self._order, key), *(self._copy(self._mail, key) for _ in range(mails))]

    def _copy(self, event: bytes, key: bytes) -> bytes:
        id_ = b"%032x" % self._dice.getrandbits(128)
        return event.replace(_WHO, key).replace(_ID, id_).replace(_MESSAGE, id_)
