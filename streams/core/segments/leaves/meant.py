"""The events that a leaf means after `unless`: those in the window that no other event takes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.segments.leaves import Events
from streams.core.segments.leaves.selecting import Span, Taken, any_value, same_value, selector, span_of
from streams.core.segments.pieces import Bodies, Keep, Pieces
from streams.core.segments.records import STAMP, TIME, each, time_at, upto
from streams.core.segments.values import KEY


class Meant(NamedTuple):
    """`place`, `size`: of the events' piece; `others`: of the piece of those that take back, None without `unless`."""

    place: int
    size: int
    span: Span
    others: int | None

    @property
    def pieces(self) -> frozenset[int]:
        """What is looked at."""
        return frozenset({self.place} if self.others is None else {self.place, self.others})

    def now(self, bodies: Bodies, now: int) -> tuple[Sequence[bytes], int]:
        """The records that are meant, and until when these are the same."""
        body, size, span = bodies[self.place], self.size, self.span
        low, high = span.places(body, size, now)
        until = span.enters(body, size, high)
        if low < high:
            until = min(until, span.leaves(body, size, low))
        records = list(each(body[low * size : high * size], size))
        others = b"" if self.others is None else bodies[self.others]
        return self._left(records, others, now, until) if others else (records, until)

    def _left(self, records: Sequence[bytes], others: bytes, now: int, until: int) -> tuple[Sequence[bytes], int]:
        """Without those that were taken back up to now."""
        known = upto(others, OTHER, now) * OTHER
        if known < len(others):
            until = min(until, time_at(others, known))
        ids: dict[bytes, set[bytes]] = {}
        for other in each(others[:known], OTHER):
            ids.setdefault(other[STAMP:], set()).add(other[TIME:STAMP])
        return [record for record in records if not ids.get(record[-KEY:], _NONE) - {record[TIME:STAMP]}], until


OTHER = STAMP + KEY
_NONE: set[bytes] = set()


def meant_by(leaf: Events, pieces: Pieces, *taken: Taken) -> Meant:
    """All events in the leaf's window are kept, and for ever those that take back: they may come first."""
    span = span_of(leaf)
    if leaf.unless is None:
        piece, others = selector(pieces, leaf.name, leaf.where, leaf, *taken), None
    else:
        piece = selector(pieces, leaf.name, leaf.where, leaf, *taken, any_value(leaf.unless.same))
        other = selector(pieces, leaf.unless.name, leaf.unless.where, None, same_value(leaf.unless.same))
        other.want(Keep())
        others = other.index
    piece.want(Keep(span.lag, span.length))
    return Meant(piece.index, piece.size, span, others)
