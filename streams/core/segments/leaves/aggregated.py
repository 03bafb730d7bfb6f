"""`aggregate`: sums, means, least and greatest, different values. Numbers are whole millionths, so sums are exact."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from schemas.segments import leaves
from schemas.segments.conditions import Amount
from streams.core.segments.fact import Fact
from streams.core.segments.leaf import Leaf, Memo
from streams.core.segments.leaves.meant import meant_by
from streams.core.segments.leaves.meant_moving import Distinct, Numbers, Tally, moving
from streams.core.segments.leaves.selecting import NO_KEY, Taken, any_value
from streams.core.segments.pieces import Bodies, Pieces
from streams.core.segments.records import STAMP
from streams.core.segments.values import KEY, number_of, to_parts, values_at

_MOST = 1e12
_NONE = -(1 << 63)
_WIDTH = 8
Check = Callable[[int, Sequence[int]], bool]
"""Whether numbers are as asked: their sum, and they themselves, the least first."""


def aggregate(leaf: leaves.Aggregate, pieces: Pieces) -> Leaf:
    """`aggregate`."""
    meant = meant_by(leaf, pieces, any_value(leaf.of) if leaf.fn == "distinct" else _number(leaf.of))
    is_so = _distinct(leaf.is_) if leaf.fn == "distinct" else _of_numbers(leaf)

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        records, until = meant.now(bodies, now)
        return until if is_so(records) else -until

    return Leaf(look, meant.pieces, 15, lambda: moving(meant, _tally(leaf)))


def _tally(leaf: leaves.Aggregate) -> Tally:
    return Distinct(leaf.is_.holds) if leaf.fn == "distinct" else Numbers(_number_in, _check(leaf))


def _number(path: str) -> Taken:
    """The first value in millionths; -2**63 for what is no number that counts."""
    values = values_at(path)

    def take(fact: Fact) -> bytes:
        found = values(fact.properties)
        number = number_of(found[0]) if found else None
        counts = number is not None and abs(number) <= _MOST
        return struct.pack(">q", to_parts(number, 6) if counts and number is not None else _NONE)

    return Taken(f"number {path}", take, _WIDTH)


def _distinct(amount: Amount) -> Callable[[Sequence[bytes]], bool]:
    end = STAMP + KEY
    return lambda records: amount.holds(len({record[STAMP:end] for record in records} - {NO_KEY}))


def _of_numbers(leaf: leaves.Aggregate) -> Callable[[Sequence[bytes]], bool]:
    check = _check(leaf)

    def is_fitting(records: Sequence[bytes]) -> bool:
        found = sorted(number for number in map(_number_in, records) if number is not None)
        return check(sum(found), found)

    return is_fitting


def _number_in(record: bytes) -> int | None:
    number = int.from_bytes(record[STAMP : STAMP + _WIDTH], "big", signed=True)
    return None if number == _NONE else number


def _check(leaf: leaves.Aggregate) -> Check:
    is_within = parts_test(leaf.is_, 6)
    is_so: dict[str, Check] = {
        "sum": lambda total, _: is_within(total, 1),
        "avg": lambda total, order: bool(order) and is_within(total, len(order)),
        "min": lambda _, order: bool(order) and is_within(order[0], 1),
        "max": lambda _, order: bool(order) and is_within(order[-1], 1),
    }
    return is_so[leaf.fn]


def parts_test(amount: Amount, digits: int) -> Callable[[int, int], bool]:
    """Whether so many parts, divided by so many, are within the bounds, which count to a part too."""
    bounds = {name: to_parts(bound, digits) for name, bound in amount.asked.items()}
    eq, gt, gte, lt, lte = (bounds.get(name) for name in ("eq", "gt", "gte", "lt", "lte"))

    def is_within(total: int, count: int) -> bool:
        return (
            (eq is None or total == eq * count)
            and (gt is None or total > gt * count)
            and (gte is None or total >= gte * count)
            and (lt is None or total < lt * count)
            and (lte is None or total <= lte * count)
        )

    return is_within
