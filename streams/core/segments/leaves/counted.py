"""`event` and `regularly`: how often something happened."""

from __future__ import annotations

from schemas.segments import leaves
from schemas.segments.conditions import MOST_COUNT, Count
from streams.core.segments.leaf import FOREVER, Leaf, Look, Memo, always, every, opposite
from streams.core.segments.leaves.meant import meant_by
from streams.core.segments.leaves.meant_moving import HowMany, moving
from streams.core.segments.leaves.selecting import Span, selector, span_of
from streams.core.segments.leaves.stretches import Stretches
from streams.core.segments.pieces import Bodies, Keep, Pieces
from streams.core.segments.records import STAMP, TIME, time_at, upto

SLACK = 1  # kept beyond what counting needs, so that one event can be taken out again


def event(leaf: leaves.Done, pieces: Pieces) -> Leaf:
    """`event`."""
    least, most = bounds(leaf.count)
    if leaf.unless is not None:
        return _with_unless(leaf, pieces)
    piece, span = selector(pieces, leaf.name, leaf.where, leaf), span_of(leaf)
    enough = max(least, 0 if most is None else most + 1)
    piece.want(Keep(span.lag, span.length, enough + SLACK))
    parts = [] if not least else [_at_least(least, piece.index, span)]
    if most is not None:
        parts.append(opposite(_at_least(most + 1, piece.index, span)))
    return every(parts) if parts else always(holds=True)


def bounds(count: Count) -> tuple[int, int | None]:
    """The least and the most, both included; the most is None without a bound. More than the most is never."""
    asked = count.asked
    least = max((int(asked[name]) + by for name, by in (("eq", 0), ("gt", 1), ("gte", 0)) if name in asked), default=0)
    most = min(
        (int(asked[name]) - by for name, by in (("eq", 0), ("lt", 1), ("lte", 0)) if name in asked), default=None
    )
    return (MOST_COUNT + 2, 0) if most is not None and most < least else (least, most)


def _at_least(count: int, index: int, span: Span) -> Leaf:
    """So often or more."""
    look = _latest_says(count, index, span)
    return Leaf(look, frozenset({index}), 4 + bool(span.lag))


def _latest_says(count: int, index: int, span: Span) -> Look:
    """So often or more: if the k-th latest is in the window."""
    lag, back = span.lag, STAMP * count
    length = FOREVER if span.length is None else span.length

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        body = bodies[index]
        if not body:
            return -FOREVER
        size = len(body)
        if int.from_bytes(body[-STAMP : TIME - STAMP], "big") > now - lag:
            size = upto(body, STAMP, now - lag) * STAMP
        if size >= back:
            until = int.from_bytes(body[size - back : size - back + TIME], "big") + length
            if until > now:
                return until
        return -(int.from_bytes(body[size : size + TIME], "big") + lag) if size < len(body) else -FOREVER

    return look


def _with_unless(leaf: leaves.Done, pieces: Pieces) -> Leaf:
    least, most = bounds(leaf.count)
    meant = meant_by(leaf, pieces)

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        records, until = meant.now(bodies, now)
        is_so = least <= len(records) and (most is None or len(records) <= most)
        return until if is_so else -until

    return Leaf(look, meant.pieces, 15, lambda: moving(meant, HowMany(least, most)))


def regularly(leaf: leaves.Regularly, pieces: Pieces) -> Leaf:
    """`regularly`: each record counts in the next stretch after every `every` ms, and after the last in none."""
    (least, most), piece = bounds(leaf.count), selector(pieces, leaf.name, leaf.where)
    index, length, periods = piece.index, leaf.every, leaf.periods
    piece.want(Keep(0, length * periods, None))

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        body = bodies[index]
        high = upto(body, STAMP, now)
        places = [upto(body, STAMP, now - length * period) for period in range(periods + 1)]
        is_so = all(
            least <= places[n] - places[n + 1] and (most is None or places[n] - places[n + 1] <= most)
            for n in range(periods)
        )
        times = [time_at(body, place * STAMP) for place in range(places[-1], high)]
        until = min((at + ((now - at) // length + 1) * length for at in times), default=FOREVER)
        if high * STAMP < len(body):
            until = min(until, time_at(body, high * STAMP))
        return until if is_so else -until

    return Leaf(look, frozenset({index}), 20 + 6 * periods, lambda: Stretches(index, length, periods, least, most).look)
