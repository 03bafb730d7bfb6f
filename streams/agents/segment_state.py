"""The segments of one partition's recipients: rows on disk, a batch of the log taken in at a time, timers fired.

A fact moves its own recipient's time first, so other recipients' timers may come after it without any difference: what
a turn says does not depend on when its turn comes (`streams/core/segments/turns.py`). So timers fire in pieces, between
batches, and a million that are due at once hold up nobody's events. Of each recipient the transitions are a function of
the log and come in its order; between recipients there is no order.

Rows go into the changelog with the flush's marker. Where a broker shows what a torn flush has left, those rows must not
be taken back: the transitions that belong to them may be lost. A row says which input it holds, and is taken back with
the first marker behind it that vouches for that input, or never; the owner that reads the input again writes it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from schemas.aggregates import LaneMarker
from schemas.announcements import RulesAnnounced
from schemas.avro import Codec
from schemas.errors import FailureCode, Permanent
from schemas.failures import Stage
from schemas.identity import digest, partition_key
from schemas.topics import DEAD_LETTERS, JOURNEY_STEPS, RECIPIENT_EVENTS, SEGMENT_TRANSITIONS
from schemas.transitions import SegmentTransition
from streams.core.changes import Cut, SegmentTotals, Side
from streams.core.normalise import Origin, unreadable
from streams.core.segments import book, row, turns
from streams.core.segments.announced import flows_of, program_of
from streams.core.segments.arrivals import Arrival, read_arrivals
from streams.core.segments.book import Book
from streams.core.segments.program import Program
from streams.core.segments.turns import Asked, Rules
from streams.lane.changelog import MARKER_KEY
from streams.lane.disk import DiskRows

FORM = "segments-2"
"""Of the rows and their order: folders of another form are thrown away."""
FIRED_AT_ONCE = 200  # some milliseconds: what an event may have to wait for a piece of a flood of timers
_MOST_PENDING = 200_000  # rows without a marker; more than a flush has, so no torn one left them
_MOST_BOOKS = 100_000  # tenants
_NO_TIMER = "the timer of a recipient failed; its row stands still until the recipient's next event"


MakeProgram = Callable[[bytes, bytes], Program]
"""Of announced rules, those that are live and those that are being built. Raises ValueError."""


class SegmentState:
    """State of one partition of recipient-events. `kept` is ordered by `row.timer_of`.

    `past`: by tenant, how many facts of its past were sent before what was read last.
    """

    def __init__(self, number: int, kept: DiskRows, codec: Codec, make_program: MakeProgram = program_of) -> None:
        self.number, self.kept = number, kept
        self.clock = 0
        self.totals = SegmentTotals()
        self.past: dict[str, int] = {}
        self._codec, self._make_program = codec, make_program
        self._announces = codec.header(RulesAnnounced)
        self._names: dict[str, frozenset[str]] = {}
        self._rules: dict[str, Rules] = {}
        self._numbers: dict[str, int] = {}  # of each tenant's last announcement
        self._books: dict[str, Book] = {}  # of tenants some of whose rows were last looked at with other rules
        self._upto = -1  # the last input offset taken in
        self._sides: list[Side] = []
        self._buried: list[FailureCode] = []
        self._unwritten = 0  # rows put since the last cut, some of them more than once
        self._pending: list[tuple[bytes, bytes | None]] = []

    # -- taking over ---------------------------------------------------------------------------------------------

    def take_back(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> bytes | None:
        """Records of the changelog with the markers among them; the last marker."""
        marker: bytes | None = None
        for key, value in zip(keys, values, strict=True):
            if key == MARKER_KEY and value is not None:
                marker = value
                self._vouch(self._codec.decode(value, LaneMarker).next_offset)
            else:
                self._pending.append((key, value))
        if len(self._pending) > _MOST_PENDING:  # a compacted log has few markers
            self.restore(*zip(*self._pending, strict=True))
            self._pending = []
        return marker

    def _vouch(self, next_offset: int) -> None:
        held = [(key, value) for key, value in self._pending if value is None or row.offset_of(value) < next_offset]
        self._pending = []
        if held:
            self.restore(*zip(*held, strict=True))

    def restore(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        """Rows that a marker vouches for."""
        self.kept.restore(keys, values)

    def start(self, marker: LaneMarker | None) -> int:
        """Where to go on from: the marker's offset, the beginning without one."""
        self._pending = []  # left by a torn flush
        next_offset = marker.next_offset if marker else 0
        self._upto, self.clock = next_offset - 1, marker.clock if marker else 0
        self._open_books()
        return next_offset

    def _open_books(self) -> None:
        for key, value in self.kept.scan(book.FIRST, book.LAST, _MOST_BOOKS):
            self._follow(book.tenant_of(key), book.read(value))

    def use(self, rules: RulesAnnounced) -> None:
        """Other rules from here on, unless newer ones are known; turns under them come with `fire`.

        Raises ValueError for rules of a newer language, Transient when the disk fails.
        """
        if rules.number <= self._numbers.get(rules.tenant, 0):
            return
        found = self.kept.get_many([book.key_of(rules.tenant)])[0]
        known = Book() if found is None else book.read(found)
        program, flows = self._make_program(rules.live, rules.building), flows_of(rules.journeys, rules.earlier)
        known = known.under(rules, program, flows, self.clock)
        self.kept.put(book.key_of(rules.tenant), book.written(known, self._upto))
        self._follow(rules.tenant, known)

    def _follow(self, tenant: str, known: Book) -> None:
        asked = self._asked(known.live, known.building, known.journeys, known.earlier)
        self._names[tenant], self._numbers[tenant] = asked.program.names | asked.flows.names, known.number
        self._rules[tenant] = Rules(asked, known.at, self._asked(*known.before), known.segments)
        self._wait(tenant, known)

    def _asked(self, live: bytes, building: bytes, journeys: bytes, earlier: bytes) -> Asked:
        return Asked(self._make_program(live, building), flows_of(journeys, earlier))

    def _note(self, tenant: str, known: Book) -> None:
        """How far the rows of a tenant have seen its rules."""
        self.kept.put(book.key_of(tenant), book.written(known, self._upto))
        self._wait(tenant, known)

    def _wait(self, tenant: str, known: Book) -> None:
        if known.upto is None:
            self._books.pop(tenant, None)
        else:
            self._books[tenant] = known

    # -- turns ---------------------------------------------------------------------------------------------------

    def fold(self, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        """Take these values in, read at these input offsets (rising). Raises Transient when the disk fails."""
        begin, announces = 0, self._announces
        for place in [at for at, value in enumerate(values) if value is not None and value.startswith(announces)]:
            if begin < place:
                self._fold(values[begin:place], offsets[begin:place])
            self._upto, begin = offsets[place], place + 1
            self._hear(values[place] or b"", offsets[place])
        if begin < len(values):
            self._fold(values[begin:], offsets[begin:])

    def _hear(self, value: bytes, offset: int) -> None:
        try:
            rules = self._codec.decode(value, RulesAnnounced)
        except Permanent as error:
            self._bury(value, offset, error.code, str(error))
        else:
            self.use(rules)

    def _fold(self, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        batch = read_arrivals(values, self._codec, self.clock, self._names)
        for place, error in sorted(batch.broken.items()):
            self._bury(values[place], offsets[place], error.code, str(error))
        self.clock, self._upto = batch.clock, offsets[-1]
        self.past |= batch.past
        self.totals.events += batch.events
        self.totals.facts += len(batch.facts)
        by_recipient: dict[bytes, list[Arrival]] = {}
        for arrival in batch.facts:
            by_recipient.setdefault(arrival.recipient, []).append(arrival)
        for key, old in zip(by_recipient, self.kept.get_many(list(by_recipient)), strict=True):
            arrivals = by_recipient[key]
            turn = turns.take(self._rules[arrivals[0].tenant], old, arrivals, self._upto)
            self._keep(key, old, turn)
            for place, wrong in turn.poison.items():
                reason = f"{type(wrong).__name__}: {wrong}"
                self._bury(values[place], offsets[place], FailureCode.UNEXPECTED, reason)

    def fire(self, limit: int = FIRED_AT_ONCE) -> bool:
        """Give turns to at most `limit` recipients whose timer is due; to others under new rules while none is.

        True when there may be more to do.
        """
        due = self.kept.first(self.clock + 1, limit)
        self.totals.behind_ms = self.clock - due[0][0] if len(due) == limit else 0
        keys = [key for _, key in due]
        for key, old in zip(keys, self.kept.get_many(keys), strict=True):
            if old is not None:
                self._look(key, old)
        self.totals.timers += len(due)
        return len(due) == limit or self._spread_rules(limit)

    def _spread_rules(self, limit: int) -> bool:
        """Give turns to some recipients that were last looked at with other rules."""
        if not self._books:
            return False
        tenant, known = next(iter(self._books.items()))
        begin, end = partition_key(tenant, ""), tenant.encode() + b";"
        rows = self.kept.scan(known.upto + b"\0" if known.upto else begin, end, limit)
        for key, old in rows:
            self._look(key, old)
        self._note(tenant, msgspec.structs.replace(known, upto=rows[-1][0] if len(rows) == limit else None))
        return bool(self._books)

    def _look(self, key: bytes, old: bytes) -> None:
        """The turn of a recipient to whom nothing has happened."""
        who = turns.who_of(key)
        try:
            turn = turns.look(self._rules[who.tenant], who, old, self.clock, self._upto)
        except Exception as error:  # noqa: BLE001 - whatever a rule raises is about this recipient
            reason = f"{_NO_TIMER} ({type(error).__name__}: {error})"
            self._bury(old, self._upto, FailureCode.UNEXPECTED, reason, who.recipient_key)
            turn = turns.Turn(row.without_timer(old))
        self._keep(key, old, turn)

    def _keep(self, key: bytes, old: bytes | None, turn: turns.Turn) -> None:
        if turn.row is not None and turn.row != old:
            self.kept.put(key, turn.row)
            self._unwritten += 1
        for transition in turn.transitions:
            self._say(transition)
        for step in turn.steps:
            self._sides.append(
                Side(JOURNEY_STEPS.name, partition_key(step.tenant, step.recipient_key), self._codec.encode(step))
            )

    def _say(self, transition: SegmentTransition) -> None:
        key = partition_key(transition.tenant, transition.recipient_key)
        self._sides.append(Side(SEGMENT_TRANSITIONS.name, key, self._codec.encode(transition)))
        self.totals.entered += transition.is_member
        self.totals.left += 1 - transition.is_member

    def _bury(self, value: bytes | None, offset: int, code: FailureCode, reason: str, recipient_key: str = "") -> None:
        """A dead letter for a record, or for a recipient whose turn it was behind the record at this offset."""
        letter = unreadable(
            value or b"", Origin(RECIPIENT_EVENTS.name, self.number, offset), code, reason, Stage.SEGMENTS
        )
        if recipient_key:
            letter.dead_letter_id = digest(letter.dead_letter_id, recipient_key)
        self._sides.append(Side(DEAD_LETTERS.name, letter.dead_letter_id.encode(), self._codec.encode(letter)))
        self._buried.append(code)

    def buried(self) -> list[FailureCode]:
        """The codes of dead letters since this was last asked."""
        codes, self._buried = self._buried, []
        return codes

    # -- flush ---------------------------------------------------------------------------------------------------

    def number_of(self, tenant: str) -> int:
        """Of the announcement whose rules the tenant has; 0 for none."""
        return self._numbers.get(tenant, 0)

    @property
    def unwritten(self) -> int:
        """Rows that wait for the next flush."""
        return self._unwritten

    def cut(self, next_offset: int) -> Cut:
        """Rows, transitions and dead letters since the last cut, and the marker."""
        sides, self._sides, self._unwritten = self._sides, [], 0
        marker = LaneMarker(next_offset=next_offset, clock=self.clock, watermark=0)
        return Cut(self.kept.cut(), self._codec.encode(marker), sides)
