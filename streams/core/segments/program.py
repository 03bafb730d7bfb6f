"""The segments of a tenant, ready to be followed: what to keep of each fact, and what to ask after it.

A program is made once and used for every recipient; it holds nothing of any of them. `docs/decisions/0024` says why it
looks as it does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import reduce
from itertools import compress
from operator import or_
from typing import NamedTuple, TypeVar

from schemas.errors import Misconfigured
from schemas.segments.canonical import rule_version
from schemas.segments.rules import Segment
from streams.core.segments.compiled import Compiler, Node
from streams.core.segments.conditions import Test
from streams.core.segments.leaf import Look
from streams.core.segments.pieces import CODE, RECIPIENT, Bodies, Keep, KeyPiece, Piece, Pieces, Selector
from streams.core.segments.recipient import Recipient
from streams.core.segments.records import short

_MOST_CACHED = 10_000  # sets of segments and of pieces: after that many, all are made anew


class Group(NamedTuple):
    """Pieces that ask the same of a fact (`test`, None: nothing)."""

    test: Test | None
    pieces: tuple[Piece, ...]


class Followed(NamedTuple):
    """A segment: its bit in masks, and what its rule became. `code`: of its id and version."""

    bit: int
    id: str
    version: str
    code: bytes
    node: Node


class Layout(NamedTuple):
    """The pieces of which something is kept: their places, their codes joined, and the segments that look at them."""

    places: tuple[int, ...]
    codes: bytes
    mask: int


Asked = tuple[int, int, Look, Followed]
"""A segment to ask: place, bit, the function of its rule, itself."""


class Program:
    """The segments of one tenant; those that they name are among them, or nobody is in them.

    `building`: segments that nobody is asked about yet, while what they will look at is kept already. One of them may
    have the id of a segment that is followed, of which it is the next version.
    `names`: names of the facts that any rule looks at; `traits`: first keys of the traits. Other facts matter too: with
    the first one a recipient begins to be known.
    `is_moving`: it is for one recipient with many facts, see `leaf.Leaf`; it answers the same.
    Raises Misconfigured where two segments have one id, or name one another in a circle.
    """

    def __init__(
        self, segments: Sequence[Segment], building: Sequence[Segment] = (), *, is_moving: bool = False
    ) -> None:
        for several in (segments, building):
            _check_ids([segment.id for segment in several])
        pieces = Pieces()
        self.first_known = pieces.piece("first known", _first_known)
        pieces.piece("recipient", KeyPiece)
        compiler = Compiler(segments, pieces, is_moving=is_moving)
        self.segments = tuple(_followed(segment, place, compiler) for place, segment in enumerate(_sorted(segments)))
        for place, each in enumerate(self.segments):
            pieces.mark(each.node.leaf.pieces, place)
        self.code = _code_of([*(piece.code for piece in pieces.all), *(each.code for each in self.segments)])
        _keep_for(building, segments, pieces)
        self.pieces: tuple[Piece, ...] = tuple(pieces.all)
        self.by_name = _by_name(self.pieces)
        self.by_root = {root: tuple(p for p in self.pieces if root in p.roots) for p in self.pieces for root in p.roots}
        self.names, self.traits = frozenset(self.by_name), frozenset(self.by_root)
        self.everybody = (1 << len(self.segments)) - 1
        self.codes = frozenset(each.code for each in self.segments)
        self.empty = [b""] * len(self.pieces)
        self._bits = {each.code: each.bit for each in self.segments}
        self._place_of = {piece.code: piece.index for piece in self.pieces}
        self._all_places = range(len(self.pieces))
        self._chosen: dict[int, tuple[Asked, ...]] = {}
        self._layouts: dict[tuple[int, ...], Layout] = {}
        self._places: dict[bytes, tuple[int, ...]] = {}
        self._masks: dict[bytes, int] = {}

    def say_first(self, *, is_first: bool) -> None:
        """Whether no fact with the id of the next one came before, so that no piece need look for it."""
        for piece in self.pieces:
            piece.is_first = is_first

    def reach_ms(self) -> int | None:
        """How old the oldest fact may be that any rule looks at, in ms; None: as old as it likes."""
        found = [piece.reach_ms for piece in self.pieces[RECIPIENT + 1 :]]
        return None if None in found else max((each or 0 for each in found), default=0)

    def open(self, recipient_key: str, packed: bytes | None) -> Recipient:
        """A recipient as `Recipient.pack` left it, by this program or another; None: nothing is known of them yet.

        Raises ValueError for bytes that are no state.
        """
        return Recipient(self, recipient_key, packed)

    def mask_of(self, codes: bytes) -> int:
        """The bits of segments by their joined codes; those that are not of this program have none."""
        found = self._masks.get(codes)
        if found is None:
            found = reduce(or_, (self._bits.get(codes[at : at + CODE], 0) for at in range(0, len(codes), CODE)), 0)
            _remember(self._masks, codes, found)
        return found

    def chosen(self, mask: int) -> tuple[Asked, ...]:
        """The segments of a mask, in the order of their ids."""
        found = self._chosen.get(mask)
        if found is None:
            found = tuple(
                (place, each.bit, each.node.leaf.look, each)
                for place, each in enumerate(self.segments)
                if mask & each.bit
            )
            _remember(self._chosen, mask, found)
        return found

    def layout(self, bodies: Bodies) -> Layout:
        """Of which pieces something is kept there."""
        filled = tuple(compress(self._all_places, bodies))
        found = self._layouts.get(filled)
        if found is None:
            pieces = [self.pieces[place] for place in filled if place != RECIPIENT]
            mask = reduce(or_, (piece.mask for piece in pieces), 0)
            found = Layout(tuple(p.index for p in pieces), b"".join(piece.code for piece in pieces), mask)
            _remember(self._layouts, filled, found)
        return found

    def places(self, codes: bytes) -> tuple[int, ...]:
        """The places of pieces by their joined codes; that of the recipient's key, which is not stored, for others."""
        found = self._places.get(codes)
        if found is None:
            each = (codes[at : at + CODE] for at in range(0, len(codes), CODE))
            found = tuple(self._place_of.get(code, RECIPIENT) for code in each)
            _remember(self._places, codes, found)
        return found


_K = TypeVar("_K")
_V = TypeVar("_V")


def _remember(cache: dict[_K, _V], key: _K, value: _V) -> None:
    if len(cache) >= _MOST_CACHED:
        cache.clear()
    cache[key] = value


def _check_ids(ids: Sequence[str]) -> None:
    if len(set(ids)) < len(ids):
        twice = next(each for each in ids if ids.count(each) > 1)
        raise Misconfigured(f"two segments have the id {twice!r}; give one of them another")


def _keep_for(building: Sequence[Segment], others: Sequence[Segment], pieces: Pieces) -> None:
    """Make the pieces that these look at, with those of segments that they name."""
    named = {segment.id: segment for segment in (*others, *building)}
    compiler = Compiler(list(named.values()), pieces)
    for segment in building:
        compiler.segment(segment.id)


def _code_of(codes: Sequence[bytes]) -> bytes:
    return hashlib.blake2b(b"".join(sorted(codes)), digest_size=4).digest()


def _sorted(segments: Sequence[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda segment: segment.id)


def _followed(segment: Segment, place: int, compiler: Compiler) -> Followed:
    node, version = compiler.segment(segment.id), rule_version(segment)
    return Followed(1 << place, segment.id, version, short(f"{segment.id} {version}".encode(), CODE), node)


def _first_known(index: int, key: str) -> Selector:
    """The two earliest facts of any name."""
    piece = Selector(index, key)
    piece.want(Keep(0, 0, 0, 2))
    return piece


def _by_name(pieces: Sequence[Piece]) -> dict[str, tuple[Group, ...]]:
    """For each name of facts what is asked of them, and by which pieces."""
    found: dict[str, dict[str, Group]] = {}
    for piece in pieces:
        asked = piece.asked if isinstance(piece, Selector) else ""
        test = piece.test if isinstance(piece, Selector) else None
        for name in piece.names:
            groups = found.setdefault(name, {})
            group = groups.get(asked, Group(test, ()))
            groups[asked] = group._replace(pieces=(*group.pieces, piece))
    return {name: tuple(groups.values()) for name, groups in found.items()}
