"""`first` and `latest`: one event of a window, and whether it fits."""

from __future__ import annotations

from schemas.segments import leaves
from schemas.segments.canonical import canonical_json
from schemas.segments.rules import EventNode
from streams.core.segments.conditions import where_test
from streams.core.segments.fact import Fact
from streams.core.segments.leaf import Leaf, Memo
from streams.core.segments.leaves.counted import SLACK
from streams.core.segments.leaves.selecting import Taken, selector, span_of
from streams.core.segments.pieces import Bodies, Keep, Pieces

YES, NO = b"\1", b"\0"


def _fits(leaf: leaves.Pick) -> Taken:
    test = where_test(leaf.where)

    def take(fact: Fact) -> bytes:
        return YES if test is None or test(fact.properties) else NO

    asked = canonical_json(EventNode(event=leaves.Done(name=("any",), where=leaf.where)))
    return Taken(f"fits {asked}", take, 1)


def first(leaf: leaves.Pick, pieces: Pieces) -> Leaf:
    """`first`: the earliest stays so until it leaves; without a moving window for ever."""
    span = span_of(leaf)
    piece = selector(pieces, leaf.name, {}, leaf, _fits(leaf))
    piece.want(Keep(0, 0, 0, 1 + SLACK) if span.length is None else Keep(span.lag, span.length))
    index, size = piece.index, piece.size

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        body = bodies[index]
        low, high = span.places(body, size, now)
        if low == high:
            return -span.enters(body, size, high)
        until = span.leaves(body, size, low)
        return until if body[low * size + size - 1] else -until

    return Leaf(look, frozenset({index}), 8)


def latest(leaf: leaves.Pick, pieces: Pieces) -> Leaf:
    """`latest`: the last stays so until the next enters, or until it leaves itself."""
    span = span_of(leaf)
    piece = selector(pieces, leaf.name, {}, leaf, _fits(leaf))
    piece.want(Keep(span.lag, span.length, 1 + SLACK))
    index, size = piece.index, piece.size

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        body = bodies[index]
        low, high = span.places(body, size, now)
        until = span.enters(body, size, high)
        if low == high or not body[high * size - 1]:
            return -until
        return min(until, span.leaves(body, size, high - 1))

    return Leaf(look, frozenset({index}), 8)
