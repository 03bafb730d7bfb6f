"""One recipient as a program follows them: facts in, changes of membership out, and the next instant to look again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.segments.agenda import Agenda
from streams.core.segments.explained import explained
from streams.core.segments.fact import Fact
from streams.core.segments.leaf import Memo
from streams.core.segments.members import NOBODY, Members
from streams.core.segments.packed import FOREIGN, Stored, pack, unpack
from streams.core.segments.pieces import FIRST_KNOWN, RECIPIENT, Bodies
from streams.core.segments.records import LAST, STAMP, TIME, ZERO_MS, ident, inside, stamp, time_at

if TYPE_CHECKING:
    from streams.core.segments.program import Asked, Followed, Program

MERGED = "merge"
"""The cause of what changes because two recipients were made one."""


class Change(NamedTuple):
    """Somebody enters a segment or leaves it.

    `effective_at` (ms since 1970): if time alone did it, the exact instant; if an event did, the `now` at which it was
    applied, also for one that came late: before that nobody could have known. `cause`: the event's id, "" for time.
    """

    segment_id: str
    version: str
    is_member: bool
    effective_at: int
    cause: str


class Recipient:
    """What is known of one recipient. Times are ms since 1970; `now` is the clock of the log and never goes back.

    After another program all segments are asked as soon as anything is, as of the instant at which the state was due.
    A membership of a version that this program does not know ends without a change.

    A fact counts from its own time on, also when that is in the future, and once: one with the same id that comes again
    is dropped, as long as what is kept shows it.
    """

    __slots__ = ("_agenda", "_is_foreign", "_members", "_packed", "_program", "bodies")

    def __init__(self, program: Program, key: str, packed: bytes | None) -> None:
        self._program, self._packed, self._is_foreign = program, packed, False
        self.bodies: Bodies = program.empty.copy()
        if packed is None:
            self._agenda, self._members = Agenda(), NOBODY
        else:
            self._read(packed)
        self.bodies[RECIPIENT] = key.encode("utf-8", "surrogatepass")

    def _read(self, packed: bytes) -> None:
        next_at, stored = unpack(packed)
        program, bodies = self._program, self.bodies
        for place, body in zip(program.places(stored.codes), stored.bodies, strict=False):
            bodies[place] = body
        members = stored.members
        self._members = Members(program.mask_of(members), members, stored.since) if members else NOBODY
        if stored.program == program.code:
            self._agenda = Agenda(next_at, stored.due)
        else:
            self._agenda, self._is_foreign, self._packed = Agenda(next_at), True, None
            self._members = self._members.among(program.codes)

    def pack(self) -> bytes:
        """The state, to be opened again: `packed.py` says what it consists of."""
        if self._packed is not None:
            return self._packed
        program, bodies, members, agenda = self._program, self.bodies, self._members, self._agenda
        layout = program.layout(bodies)
        code = FOREIGN if self._is_foreign else program.code
        kept = [bodies[place] for place in layout.places]
        return pack(agenda.next_at, Stored(code, members.codes, members.times, agenda.pack(), layout.codes, kept))

    @property
    def next_at(self) -> int | None:
        """The next instant at which time alone may change something; it may be too early, never too late.

        0 after another program: whatever `now` is, the segments are to be asked.
        """
        if self._is_foreign:
            return 0
        return None if self._agenda.next_at >= LAST else self._agenda.next_at + ZERO_MS

    def advance(self, now: int) -> list[Change]:
        """What changed by time alone up to `now`, each at its instant, in order."""
        changes: list[Change] = []
        clock, agenda = now - ZERO_MS, self._agenda
        if self._is_foreign:
            self._is_foreign = False
            changes += self._everybody(min(agenda.next_at, clock), "")
        while agenda.next_at <= clock:
            at = agenda.next_at
            mask = agenda.take(self._moving(at))
            changes += self._look(mask, at, "")
        return changes

    def _moving(self, at: int) -> int:
        """The segments that time may change: those of which anything is kept, and all when they are asked first."""
        return self._program.layout(self.bodies).mask if self.is_known(at - 1) else self._program.everybody

    def apply(self, fact: Fact, now: int) -> list[Change]:
        """What changed up to `now`, and then by the fact."""
        clock, program, bodies = now - ZERO_MS, self._program, self.bodies
        groups = program.by_name.get(fact.name, ())
        changes = self.advance(now) if self._is_foreign or self._agenda.next_at <= clock else []
        at, first = inside(fact.at), bodies[FIRST_KNOWN]
        if not groups and not fact.traits and first[STAMP : STAMP + TIME] and at > time_at(first, STAMP):
            return changes
        mark = stamp(at, fact.event_id)
        was_known = bool(first) and int.from_bytes(first[:TIME], "big") <= clock
        mask = 0
        if len(first) < 2 * STAMP or mark < first[STAMP:]:
            mask = program.first_known.put(bodies, fact, mark, clock)
            self._packed = None
        for group in groups:
            self._packed = None
            if group.test is None or group.test(fact.properties):
                for piece in group.pieces:
                    mask |= piece.put(bodies, fact, mark, clock)
        for root in fact.traits:
            for piece in program.by_root.get(root, ()):
                self._packed = None
                mask |= piece.put(bodies, fact, mark, clock)
        if not was_known:
            return changes + self._everybody(clock, fact.event_id)
        return changes + self._look(mask, clock, fact.event_id) if mask else changes

    def erase(self, event_id: str, now: int) -> list[Change]:
        """Take an event out. What was dropped because of it does not come back: see the pieces for what they keep.

        The recipient stays known as long as one of the two earliest facts is left.
        """
        changes, event_ident = self.advance(now), ident(event_id)
        self._packed = None
        for piece in self._program.pieces:
            if self.bodies[piece.index]:
                piece.erased(self.bodies, event_ident)
        return changes + self._everybody(now - ZERO_MS, event_id)

    def merge(self, other: Recipient, now: int) -> list[Change]:
        """Take in all that is known of another recipient, by event id; the changes are this one's.

        Both are of one program. The other is as it was; its memberships end when its owner says so.
        """
        changes, clock = self.advance(now), now - ZERO_MS
        self._packed = None
        for piece in self._program.pieces:
            if body := other.bodies[piece.index]:
                self.bodies[piece.index] = piece.joined(self.bodies[piece.index], body, clock)
        for piece in self._program.pieces:
            piece.settle(self.bodies)
        return changes + self._everybody(clock, MERGED)

    def is_known(self, clock: int) -> bool:
        """Whether there is a fact by then, in the evaluator's time."""
        first = self.bodies[FIRST_KNOWN]
        return bool(first) and int.from_bytes(first[:TIME], "big") <= clock

    def _everybody(self, clock: int, cause: str) -> list[Change]:
        self._agenda.clear()
        return self._look(self._program.everybody, clock, cause)

    def _look(self, mask: int, clock: int, cause: str) -> list[Change]:
        """Ask the segments of the mask, and note until when nothing can change in each."""
        self._packed = None
        first = self.bodies[FIRST_KNOWN]
        if not first or int.from_bytes(first[:TIME], "big") > clock:
            return self._nobody(clock, cause)
        changes: list[Change] = []
        memo: Memo = {}
        bodies, members = self.bodies, self._members.mask
        due, rest = self._agenda.due, self._agenda.rest
        for segment in self._program.chosen(mask):
            place, bit, look, _ = segment
            until = look(bodies, clock, memo)
            if until > 0:
                if not members & bit:
                    changes.append(self._enter(segment, clock, cause))
            else:
                until = -until
                if members & bit:
                    changes.append(self._leave(segment, clock, cause))
            if until < rest:
                due[place] = until
            elif due:
                due.pop(place, None)
        self._agenda.settle(clock)
        return changes

    def _nobody(self, clock: int, cause: str) -> list[Change]:
        """Nothing is known yet: no rule holds, not even a `not`."""
        first = self.bodies[FIRST_KNOWN]
        self._agenda.clear()
        self._agenda.rest = time_at(first, 0) if first else LAST
        self._agenda.settle(clock)
        return [self._leave(segment, clock, cause) for segment in self._program.chosen(self._members.mask)]

    def _enter(self, asked: Asked, clock: int, cause: str) -> Change:
        _, bit, _, segment = asked
        self._members = self._members.with_(bit, segment.code, clock)
        return Change(segment.id, segment.version, is_member=True, effective_at=clock + ZERO_MS, cause=cause)

    def _leave(self, asked: Asked, clock: int, cause: str) -> Change:
        _, bit, _, segment = asked
        self._members = self._members.without(bit, segment.code)
        return Change(segment.id, segment.version, is_member=False, effective_at=clock + ZERO_MS, cause=cause)

    def since(self, segment: Followed) -> int | None:
        """Since when they are in it, None if they are not."""
        found = self._members.since(segment.code)
        return None if found is None else found + ZERO_MS

    def explain(self, now: int) -> list[dict[str, Any]]:
        """For each segment and each node below it what holds at `now`: see `explained.py`. Nothing is changed."""
        return explained(self, self._program.segments, self._program.pieces, now - ZERO_MS)
