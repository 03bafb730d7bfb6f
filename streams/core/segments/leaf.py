"""What a node of a rule becomes: a function that says whether it holds, and until when that stays so with no event.

Both are one number, a verdict: `until` if the node holds, `-until` if it does not, in the evaluator's time. `until` is
always later than now, and never later than the next instant at which time alone may change the answer; it may be
earlier, which costs a look and changes nothing. Then `not` is a minus, `all` is the first negative or the least,
`any` the first positive or the greatest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.core.segments.pieces import Bodies

FOREVER = 1 << 62
Memo = dict[int, int]
"""Verdicts of one look, by segment, for those that several rules name."""
Look = Callable[[Bodies, int, Memo], int]


class Leaf(NamedTuple):
    """`pieces`: places of what it looks at. `cost`: what one look costs, roughly, in tenths of a microsecond.

    `moving`: where a look goes through all that is kept, what makes another with the same answers, for one recipient
    after each of many facts: it remembers what it saw last (`moving.py`) and may be earlier with its `until`.
    """

    look: Look
    pieces: frozenset[int]
    cost: int
    moving: Callable[[], Look] | None = None


def always(*, holds: bool) -> Leaf:
    """What never changes."""
    verdict = FOREVER if holds else -FOREVER
    return Leaf(lambda _bodies, _now, _memo: verdict, frozenset(), 0)


def every(leaves: Sequence[Leaf]) -> Leaf:
    """All of them; the cheap ones are asked first."""
    first, *others = (leaf.look for leaf in sorted(leaves, key=lambda leaf: leaf.cost))
    if not others:
        return leaves[0]

    def look(bodies: Bodies, now: int, memo: Memo) -> int:
        least = first(bodies, now, memo)
        if least < 0:
            return least
        for ask in others:
            verdict = ask(bodies, now, memo)
            if verdict < 0:
                return verdict
            least = min(least, verdict)
        return least

    return _group(look, leaves)


def some(leaves: Sequence[Leaf]) -> Leaf:
    """At least one of them; the cheap ones are asked first."""
    first, *others = (leaf.look for leaf in sorted(leaves, key=lambda leaf: leaf.cost))
    if not others:
        return leaves[0]

    def look(bodies: Bodies, now: int, memo: Memo) -> int:
        greatest = first(bodies, now, memo)
        if greatest > 0:
            return greatest
        for ask in others:
            verdict = ask(bodies, now, memo)
            if verdict > 0:
                return verdict
            greatest = max(greatest, verdict)
        return greatest

    return _group(look, leaves)


def _group(look: Look, leaves: Sequence[Leaf]) -> Leaf:
    return Leaf(look, frozenset().union(*(leaf.pieces for leaf in leaves)), sum(leaf.cost for leaf in leaves))


def opposite(leaf: Leaf) -> Leaf:
    """Not this."""
    ask = leaf.look
    return Leaf(lambda bodies, now, memo: -ask(bodies, now, memo), leaf.pieces, leaf.cost)


def remembered(leaf: Leaf, number: int) -> Leaf:
    """The same, asked once a look."""
    ask = leaf.look

    def look(bodies: Bodies, now: int, memo: Memo) -> int:
        verdict = memo.get(number)
        if verdict is None:
            verdict = memo[number] = ask(bodies, now, memo)
        return verdict

    return Leaf(look, leaf.pieces, leaf.cost)
