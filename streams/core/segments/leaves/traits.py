"""`trait`, `date`, `anniversary`: what was last said of a recipient."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from schemas.segments import leaves
from schemas.segments.canonical import canonical_json
from schemas.segments.rules import TraitNode
from streams.core.segments.conditions import fits
from streams.core.segments.leaf import FOREVER, Leaf, Memo
from streams.core.segments.leaves.calendar import Zone, next_flip
from streams.core.segments.leaves.counted import SLACK
from streams.core.segments.pieces import Bodies, Keep, Pieces, Selector
from streams.core.segments.records import STAMP, ZERO_MS, short, time_at, upto
from streams.core.segments.values import day_of, time_of, values_at

_ZONE = 4  # bytes of a zone's name
_NO_TIME = -(1 << 63)


def _selector(pieces: Pieces, path: str, what: str, width: int, made: Callable[[list[Any]], bytes]) -> Selector:
    """The piece of the facts that set the trait, with what is made of its values."""
    values, root = values_at(path), path.partition(".")[0]

    def make(index: int, key: str) -> Selector:
        piece = Selector(index, key, None, lambda fact: made(values(fact.traits)), width)
        piece.roots = (root,)
        return piece

    return pieces.piece(f"trait {path} {what}", make)


def trait(leaf: leaves.Trait, pieces: Pieces) -> Leaf:
    """`trait`: every setting of the trait is kept for so long as it must have fitted, and the one before."""
    is_fitting, lasts = fits(leaf.is_), leaf.for_at_least or 0
    asked = canonical_json(TraitNode(trait=leaves.Trait.model_validate({"path": leaf.path, "is": leaf.is_})))
    piece = _selector(pieces, leaf.path, asked, 1, lambda values: b"\1" if is_fitting(values) else b"\0")
    piece.want(Keep(lasts, None, 1 + SLACK))
    index, size, of_nothing = piece.index, piece.size, is_fitting([])

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        body = bodies[index]
        high = upto(body, size, now)
        until = time_at(body, high * size) if high * size < len(body) else FOREVER
        if not high:
            return until if of_nothing else -until
        fitting = body[size - 1 : high * size : size]
        start = fitting.rfind(0) + 1
        if start == high:
            return -until
        over_at = time_at(body, start * size) + lasts
        if over_at <= now or (start == 0 and of_nothing):
            return until
        return -min(until, over_at)

    return Leaf(look, frozenset({index}), 6)


def date(leaf: leaves.Date, pieces: Pieces) -> Leaf:
    """`date`."""

    def made(values: list[Any]) -> bytes:
        ms = time_of(values[0]) if values else None
        return struct.pack(">q", _NO_TIME if ms is None else ms)

    piece = _selector(pieces, leaf.trait, "time", 8, made)
    piece.want(Keep(0, None, 1 + SLACK))
    index, size, verdict = piece.index, piece.size, _asked(leaf)

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        body = bodies[index]
        high = upto(body, size, now) * size
        until = time_at(body, high) if high < len(body) else FOREVER
        ms = int.from_bytes(body[high - 8 : high], "big", signed=True) if high else _NO_TIME
        if ms == _NO_TIME:
            return -until
        found = verdict(ms - ZERO_MS, now)
        return max(found, -until) if found < 0 else min(found, until)

    return Leaf(look, frozenset({index}), 6)


def _asked(leaf: leaves.Date) -> Callable[[int, int], int]:
    """The verdict on a time, in the evaluator's."""
    if leaf.in_next is not None:
        ahead = leaf.in_next
        return lambda at, now: -FOREVER if at <= now else (at if at <= now + ahead else ahead - at)
    if leaf.in_last is not None:
        back = leaf.in_last
        return lambda at, now: -at if at > now else (at + back if at > now - back else -FOREVER)
    if leaf.over is not None:
        over = leaf.over
        return lambda at, now: FOREVER if at <= now - over else -(at + over)
    more = leaf.ahead or 0
    return lambda at, now: at - more if at > now + more else -FOREVER


def anniversary(leaf: leaves.Anniversary, pieces: Pieces) -> Leaf:
    """`anniversary`."""
    piece = _selector(pieces, leaf.trait, "day", 2, _day)
    zones = _selector(pieces, "time_zone", "zone", _ZONE, _zone) if leaf.zone == "recipient" else None
    for each in (piece, zones):
        if each is not None:
            each.want(Keep(0, None, 1 + SLACK))
    index, size, before, after = piece.index, piece.size, leaf.days_before, leaf.days_after
    fixed = ZoneInfo("UTC" if zones is not None else leaf.zone)

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        body = bodies[index]
        high = upto(body, size, now) * size
        until = time_at(body, high) if high < len(body) else FOREVER
        zone, change = (fixed, FOREVER) if zones is None else _recipients(bodies[zones.index], now)
        until = min(until, change)
        if not high or not body[high - 2]:
            return -until
        holds, flip = next_flip(body[high - 2], body[high - 1], before, after, Zone(zone), now + ZERO_MS)
        until = min(until, flip - ZERO_MS)
        return until if holds else -until

    return Leaf(look, piece_set(index, zones), 40)


def piece_set(index: int, other: Selector | None) -> frozenset[int]:
    """The places of one or two pieces."""
    return frozenset({index} if other is None else {index, other.index})


def _day(values: list[Any]) -> bytes:
    day = day_of(values[0]) if values else None
    return bytes(2) if day is None else bytes(day)


def _zone(values: list[Any]) -> bytes:
    name = values[0] if values else None
    return short(name.encode(), _ZONE) if isinstance(name, str) and name in _zones() else bytes(_ZONE)


def _recipients(body: bytes, now: int) -> tuple[ZoneInfo, int]:
    """The recipient's zone, UTC without one, and when another is set."""
    size = STAMP + _ZONE
    high = upto(body, size, now) * size
    until = time_at(body, high) if high < len(body) else FOREVER
    return ZoneInfo(_names().get(body[high - _ZONE : high] if high else b"", "UTC")), until


@cache  # reading them takes 10 ms
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _names() -> dict[bytes, str]:
    return {short(name.encode(), _ZONE): name for name in sorted(_zones())}
