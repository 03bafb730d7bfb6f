"""A partition's segments from their opening to their end, for tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random

from schemas.aggregates import LaneMarker, Tick
from schemas.avro import Codec
from schemas.events import ActivityEvent
from schemas.failures import DeadLetter
from schemas.identity import partition_key
from schemas.journeys.journey import Journey
from schemas.journeys.steps import JourneyStep
from schemas.segments.rules import Segment
from schemas.topics import DEAD_LETTERS, JOURNEY_STEPS, SEGMENT_TRANSITIONS
from schemas.transitions import SegmentTransition
from streams.agents.segment_state import SegmentState
from streams.core.changes import Cut
from streams.core.segments.row import timer_of
from streams.lane.changelog import MARKER_KEY
from streams.lane.disk import DiskRows
from streams.lane.rocks import Memory
from tests.segment_stand_in import program, rules

CODEC = Codec()
START = 1_774_569_600_000


def order(number: int, recipient: int, at: int, name: str = "Order Completed") -> bytes:
    return CODEC.encode(
        ActivityEvent(
            event_id=f"{number:032x}", tenant="acme", source="shop", provider="segment", activity="track", name=name,
            recipient_key=f"{recipient:032x}", occurred_at=at, received_at=at,
        )
    )  # fmt: skip


def tick(at: int) -> bytes:
    return CODEC.encode(Tick(at=at, writer="w"))


class Life:
    """A state from its opening to its end, and the log that it writes to."""

    def __init__(
        self,
        home: Path,
        changelog: list[tuple[bytes, bytes | None]],
        *live: Segment,
        is_disk_kept: bool = False,
        journeys: Sequence[Journey] = (),
    ) -> None:
        self.rows = DiskRows(home, Memory(), lambda: 0, order=timer_of)
        self.state = SegmentState(3, self.rows, CODEC, program)
        self.changelog = changelog
        stand = self.rows.begin("log")
        tail = changelog[stand.changelog_next :] if is_disk_kept else changelog
        if not is_disk_kept:
            self.rows.anew("a new machine")
        marker = self.state.take_back([key for key, _ in tail], [value for _, value in tail]) if tail else None
        self.rows.restored(marker, len(changelog))
        found = self.rows.stand.marker
        self.next = self.state.start(None if found is None else CODEC.decode(found, LaneMarker))
        self.state.use(rules(*live, journeys=journeys, number=1 + bool(changelog and live)))
        self.flushed: list[Cut] = []

    def read(self, log: Sequence[bytes], upto: int) -> None:
        if upto > self.next:
            self.state.fold(log[self.next : upto], range(self.next, upto))
        self.next = upto

    def flush(self) -> None:
        cut = self.state.cut(self.next)
        self.changelog += [*cut.rows, (MARKER_KEY, cut.marker)]
        self.rows.settle(cut.marker, len(self.changelog))
        self.flushed.append(cut)

    def tear(self, dice: Random) -> None:
        """Some of the rows are in the log for ever; nothing else is."""
        rows = self.state.cut(self.next).rows
        self.changelog += dice.sample(rows, dice.randrange(len(rows) + 1)) if rows else []

    def said(self) -> list[SegmentTransition]:
        sides = [side for cut in self.flushed for side in cut.sides if side.topic == SEGMENT_TRANSITIONS.name]
        found = [CODEC.decode(side.value, SegmentTransition) for side in sides]
        assert [side.key for side in sides] == [partition_key(item.tenant, item.recipient_key) for item in found]
        return found

    def walked(self) -> list[JourneyStep]:
        sides = [side for cut in self.flushed for side in cut.sides if side.topic == JOURNEY_STEPS.name]
        return [CODEC.decode(side.value, JourneyStep) for side in sides]

    def letters(self) -> list[DeadLetter]:
        sides = [side for cut in self.flushed for side in cut.sides if side.topic == DEAD_LETTERS.name]
        return [CODEC.decode(side.value, DeadLetter) for side in sides]


def undisturbed(folder: Path, log: list[bytes]) -> list[SegmentTransition]:
    life = Life(folder / "undisturbed", [])
    life.read(log, len(log))
    while life.state.fire():
        pass
    life.flush()
    life.rows.close()
    return life.said()


def of_each(transitions: list[SegmentTransition]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = defaultdict(list)
    for item in transitions:
        found[item.recipient_key].append(CODEC.encode(item))
    return dict(found)


def lived(
    folder: Path, log: list[bytes], dice: Random, journeys: Sequence[Journey] = ()
) -> tuple[list[SegmentTransition], list[JourneyStep]]:
    """All that lives have said which end anywhere, some with a torn flush, and the next goes on from the last flush."""
    changelog: list[tuple[bytes, bytes | None]] = []
    said, walked = list[SegmentTransition](), list[JourneyStep]()
    position, is_over = 0, False
    while not is_over:
        is_over = position == len(log)
        life = Life(folder / "rows", changelog, is_disk_kept=dice.random() < 0.5 and not is_over, journeys=journeys)
        assert life.next == position, "a life begins where the last flush ended"
        for _ in range(0 if is_over else dice.randrange(1, 6)):
            life.read(log, min(len(log), life.next + dice.randrange(1, 100)))
            life.state.fire(dice.randrange(1, 40))
            if dice.random() < 0.6:
                life.flush()
                position = life.next
        if is_over:
            while life.state.fire():
                pass
            life.flush()
        elif dice.random() < 0.5:
            life.tear(dice)
        said, walked = said + life.said(), walked + life.walked()
        life.rows.close()
    return said, walked
