"""`engagement`: a sum of weights that halve with time.

Between events the score only falls towards nothing, at a known pace, so the instant at which it crosses a bound is a
logarithm; the exact millisecond is then looked for around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from schemas.segments import leaves
from schemas.segments.conditions import Amount
from streams.core.segments.leaf import FOREVER, Leaf, Memo
from streams.core.segments.leaves import falling
from streams.core.segments.leaves.aggregated import parts_test
from streams.core.segments.leaves.selecting import Taken, selector
from streams.core.segments.pieces import Bodies, Keep, Pieces
from streams.core.segments.records import STAMP, TIME, each, time_at, upto
from streams.core.segments.values import to_parts

_DIGITS, _BILLION = 9, 1e9
_HALVES = 64  # after so many, and those that a large weight needs, an event counts for nothing
_SIZE = STAMP + 1
Parts = Callable[[int], int]
"""The score at an instant, in billionths."""


def engagement(leaf: leaves.Engagement, pieces: Pieces) -> Leaf:
    """`engagement`."""
    names = tuple(sorted(leaf.weights))
    places = {name: bytes([place]) for place, name in enumerate(names)}
    piece = selector(pieces, names, {}, None, Taken("which", lambda fact: places[fact.name], 1))
    largest = max(abs(weight) for weight in leaf.weights.values())
    halves = _HALVES + max(0, math.ceil(math.log2(largest)) if largest else 0)
    piece.want(Keep(0, leaf.half_life * halves))
    index, weights, half_life = piece.index, [leaf.weights[name] for name in names], leaf.half_life
    is_within, edges = parts_test(leaf.is_, _DIGITS), _edges(leaf.is_)

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        body = bodies[index]
        high = upto(body, _SIZE, now) * _SIZE
        until = time_at(body, high) if high < len(body) else FOREVER
        events = [(int.from_bytes(r[:TIME], "big"), weights[r[-1]]) for r in each(body[:high], _SIZE)]

        def score(at: int) -> float:
            return math.fsum([weight * math.pow(2, (then - at) / half_life) for then, weight in events])

        def parts(at: int) -> int:
            return to_parts(score(at), _DIGITS)

        found = score(now)
        noise = 1e-14 * sum(abs(weight) for _, weight in events)
        for edge in edges:
            until = min(until, _crossed(edge, now, found, half_life, noise, parts))
        return until if is_within(to_parts(found, _DIGITS), 1) else -until

    asked = falling.Asked(look, index, _SIZE, weights, half_life, edges, is_within)
    return Leaf(look, frozenset({index}), 60, lambda: falling.Falling(asked).look)


_EDGES = {"eq": (0, 1), "gt": (1,), "gte": (0,), "lt": (0,), "lte": (1,)}


def _edges(amount: Amount) -> Sequence[int]:
    """Scores in billionths from which on upwards the answer may be another one."""
    return sorted({to_parts(bound, _DIGITS) + by for name, bound in amount.asked.items() for by in _EDGES[name]})


def _crossed(edge: int, now: int, score: float, half_life: int, noise: float, parts: Parts) -> int:
    """When the score comes to the other side of the edge, or a bit before; FOREVER if it never does.

    `noise`: by how much the score may be wrong, being a sum of doubles.
    """
    bound, is_above = (edge - 0.5) / _BILLION, to_parts(score, _DIGITS) >= edge
    if is_above != (edge > 0):
        return FOREVER
    margin = 2 + 2 * half_life * (noise / abs(bound) + 1e-15)
    if margin > half_life:
        return now + half_life // 1_000 + 1  # the score is nothing but noise
    about = now + half_life * math.log2(max(score / bound, 1.0))
    low, high = math.floor(about - margin), math.ceil(about + margin)
    return low if low > now else _first_change(now, high, lambda at: (parts(at) >= edge) == is_above)


def _first_change(low: int, high: int, is_same: Callable[[int], bool]) -> int:
    """The first instant after `low` at which it is not the same any more, `high` at the latest."""
    while high - low > 1:
        middle = (low + high) // 2
        if is_same(middle):
            low = middle
        else:
            high = middle
    return high
