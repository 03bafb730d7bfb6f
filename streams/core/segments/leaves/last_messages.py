"""`last_messages`: none, any or all of the last n messages had such reactions."""

from __future__ import annotations

from schemas.segments import leaves
from streams.core.segments.leaf import FOREVER, Leaf, Memo
from streams.core.segments.leaves.messages import SIZE, deliveries
from streams.core.segments.pieces import Bodies, Pieces
from streams.core.segments.records import STAMP, each, time_at, upto

_ASKED = {"opened": 1, "clicked": 4, "opened_any": 3, "clicked_any": 12, "complained": 16, "unsubscribed": 32}
_HIT, _MISS = b"\1", b"\0"


def last_messages(leaf: leaves.LastMessages, pieces: Pieces) -> Leaf:
    """`last_messages`."""
    piece = deliveries(leaf.category, pieces)
    mature = leaf.mature_after or 0
    piece.want(leaf.n, mature)
    index, ahead, n = piece.index, piece.reactions.ahead.index, leaf.n
    least = 1 if leaf.fewer else n
    asked = 0
    for reaction in leaf.none or leaf.any or leaf.all or ():
        asked |= _ASKED[reaction]
    is_hit = bytes(1 if bits & asked else 0 for bits in range(256))
    unwanted, wanted = (_HIT if leaf.none else _MISS), bool(leaf.any)

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        body = bodies[index]
        if not body:
            return -FOREVER
        high = upto(body, SIZE, now - mature)
        if high < least:
            place = (least - 1) * SIZE
            return -(time_at(body, place) + mature) if place < len(body) else -FOREVER
        until = time_at(body, high * SIZE) + mature if high * SIZE < len(body) else FOREVER
        hits = body[SIZE - 1 : high * SIZE : SIZE][-n:].translate(is_hit)
        if bodies[ahead]:
            hits, soon = _with_ahead(hits, body[: high * SIZE], bodies[ahead], now, asked)
            until = min(until, soon)
        is_so = _HIT in hits if wanted else unwanted not in hits
        return until if is_so else -until

    return Leaf(look, frozenset({index}), 9)


def _with_ahead(hits: bytes, body: bytes, ahead: bytes, now: int, asked: int) -> tuple[bytes, int]:
    """With the reactions whose time has come since they were applied; and when the next one's does."""
    known = upto(ahead, SIZE, now) * SIZE
    done = {record[STAMP:-1] for record in each(ahead[:known], SIZE) if record[-1] & asked}
    messages = [record[STAMP:-1] for record in each(body[-len(hits) * SIZE :], SIZE)]
    found = bytes(hit or message in done for hit, message in zip(hits, messages, strict=True))
    return found, time_at(ahead, known) if known < len(ahead) else FOREVER
