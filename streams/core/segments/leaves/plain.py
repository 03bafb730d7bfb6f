"""`known_for` and `bucket`: what depends on nothing that is kept for a rule."""

from __future__ import annotations

import hashlib

from schemas.segments import leaves
from streams.core.segments.leaf import FOREVER, Leaf, Memo
from streams.core.segments.pieces import FIRST_KNOWN, RECIPIENT, Bodies, Pieces
from streams.core.segments.records import TIME


def known_for(length_ms: int, _pieces: Pieces) -> Leaf:
    """`known_for`; nobody is asked of whom nothing is known."""

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        old_at = int.from_bytes(bodies[FIRST_KNOWN][:TIME], "big") + length_ms
        return FOREVER if old_at <= now else -old_at

    return Leaf(look, frozenset({FIRST_KNOWN}), 2)


def bucket(leaf: leaves.Bucket, _pieces: Pieces) -> Leaf:
    """`bucket`."""
    salt = hashlib.sha256(f"{leaf.salt}:".encode("utf-8", "surrogatepass"))
    low, high = leaf.from_ * 2**52, leaf.to * 2**52

    def look(bodies: Bodies, _now: int, _memo: Memo) -> int:
        digest = salt.copy()
        digest.update(bodies[RECIPIENT])
        return FOREVER if low <= int.from_bytes(digest.digest()[:8], "big") >> 12 < high else -FOREVER

    return Leaf(look, frozenset(), 10)
