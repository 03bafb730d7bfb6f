"""Which facts a leaf looks at: the selector of an `event` or an `unless`, and the part of the time that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.segments.canonical import canonical_json
from schemas.segments.conditions import Condition
from schemas.segments.leaves import Done, Window
from schemas.segments.rules import EventNode
from streams.core.segments.conditions import where_test
from streams.core.segments.fact import Fact
from streams.core.segments.leaf import FOREVER
from streams.core.segments.pieces import Pieces, Selector, Take
from streams.core.segments.records import TIME, inside, upto
from streams.core.segments.values import KEY, epoch_ms, key_of, values_at

Names = tuple[str, ...]


class Span(NamedTuple):
    """The part of the time that counts, (now - length, now - lag]; length None: all up to there."""

    lag: int
    length: int | None

    def places(self, body: bytes, size: int, now: int) -> tuple[int, int]:
        """The first record that is in, and the first after it that is not yet."""
        low = 0 if self.length is None else upto(body, size, now - self.length)
        return low, upto(body, size, now - self.lag)

    def enters(self, body: bytes, size: int, place: int) -> int:
        """When the record at that place counts; never if there is none."""
        at = place * size
        return int.from_bytes(body[at : at + TIME], "big") + self.lag if at < len(body) else FOREVER

    def leaves(self, body: bytes, size: int, place: int) -> int:
        """When the record at that place does not count any more."""
        at = place * size
        return FOREVER if self.length is None else int.from_bytes(body[at : at + TIME], "big") + self.length


def span_of(window: Window) -> Span:
    """The moving part of a window; `since` and `before` are the selector's."""
    if window.within is not None:
        return Span(0, window.within)
    return Span(0, None) if window.between is None else Span(window.between[1], window.between[0])


class Taken(NamedTuple):
    """What is made of each fact: `width` bytes. `key` says what, so that equal ones share a piece."""

    key: str
    take: Take
    width: int


def selector(
    pieces: Pieces, names: Names, where: Mapping[str, Condition], window: Window | None = None, *taken: Taken
) -> Selector:
    """The piece of the facts with these names that fit."""
    fixed = Window() if window is None else Window(since=window.since, before=window.before)
    meant = Done(name=names, where=dict(where), since=fixed.since, before=fixed.before)
    key = " ".join((f"facts {canonical_json(EventNode(event=meant))}", *(each.key for each in taken)))

    def make(index: int, key: str) -> Selector:
        width = sum(each.width for each in taken)
        piece = Selector(index, key, where_test(where), _together([each.take for each in taken]), width)
        piece.names, piece.asked = names, canonical_json(EventNode(event=Done(name=("any",), where=dict(where))))
        piece.since, piece.before = _ms(fixed.since), _ms(fixed.before)
        return piece

    return pieces.piece(key, make)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else inside(epoch_ms(moment))


def _together(takes: Sequence[Take]) -> Take | None:
    if len(takes) < 2:
        return takes[0] if takes else None

    def take(fact: Fact) -> bytes | None:
        parts = [part for each in takes if (part := each(fact)) is not None]
        return b"".join(parts) if len(parts) == len(takes) else None

    return take


def same_value(path: str) -> Taken:
    """The key of the first value at a path; a fact without one is not meant."""
    values = values_at(path)

    def take(fact: Fact) -> bytes | None:
        found = values(fact.properties)
        return key_of(found[0]) if found else None

    return Taken(f"same {path}", take, KEY)


def any_value(path: str) -> Taken:
    """The key of the first value at a path; `NO_KEY` where there is none."""
    values = values_at(path)

    def take(fact: Fact) -> bytes | None:
        found = values(fact.properties)
        return (key_of(found[0]) if found else None) or NO_KEY

    return Taken(f"any {path}", take, KEY)


NO_KEY = bytes(KEY)
