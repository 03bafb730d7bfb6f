"""`consent`, `suppressed`: the newest of some facts says how a recipient stands."""

from __future__ import annotations

from schemas.segments import leaves
from streams.core.segments.fact import Fact
from streams.core.segments.leaf import FOREVER, Leaf, Look, Memo
from streams.core.segments.leaves.counted import SLACK
from streams.core.segments.pieces import Bodies, Keep, Pieces, Selector, Take
from streams.core.segments.records import time_at, upto
from streams.core.segments.values import text_of, values_at

_SUBSCRIBED, _UNSUBSCRIBED, _PRIVACY = "email_subscribed", "email_unsubscribed", "privacy"
_WORDS = {"unknown": 0, "granted": 1, "denied": 2}
_MARKETING = "marketing"  # what an opt-in without a stream is about


def consent(leaf: leaves.Consent, pieces: Pieces) -> Leaf:
    """`consent`."""
    names = (_SUBSCRIBED, _UNSUBSCRIBED, _PRIVACY)
    piece = _selector(pieces, f"consent {leaf.purpose}", names, _consent(leaf.purpose))
    return Leaf(_newest(piece, _WORDS[leaf.is_]), frozenset({piece.index}), 5)


def suppressed(is_wanted: bool, pieces: Pieces) -> Leaf:  # noqa: FBT001 - it is the value of the node
    """`suppressed`."""
    names = (_SUBSCRIBED, _UNSUBSCRIBED, "email_complained", "email_bounced")
    piece = _selector(pieces, "suppressed", names, _suppressed)
    return Leaf(_newest(piece, int(is_wanted)), frozenset({piece.index}), 5)


def _selector(pieces: Pieces, key: str, names: tuple[str, ...], take: Take) -> Selector:
    def make(index: int, key: str) -> Selector:
        piece = Selector(index, key, None, take, 1)
        piece.names = names
        piece.want(Keep(0, None, 1 + SLACK))
        return piece

    return pieces.piece(key, make)


def _newest(piece: Selector, wanted: int) -> Look:
    """The newest word is this one; 0 where there is none."""
    index, size = piece.index, piece.size

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        body = bodies[index]
        if not body:
            return -FOREVER if wanted else FOREVER
        high = upto(body, size, now) * size
        until = time_at(body, high) if high < len(body) else FOREVER
        return until if (body[high - 1] if high else 0) == wanted else -until

    return look


def _consent(purpose: str) -> Take:
    purposes, granted = values_at("purpose"), values_at("granted")

    def take(fact: Fact) -> bytes | None:
        if fact.name != _PRIVACY:
            is_meant = (text_of(fact.properties, "stream") or _MARKETING) == purpose
            return bytes([1 if fact.name == _SUBSCRIBED else 2]) if is_meant else None
        found, word = purposes(fact.properties)[:1], granted(fact.properties)[:1]
        if found != [purpose] or not word or not isinstance(word[0], bool):
            return None
        return b"\1" if word[0] else b"\2"

    return take


def _suppressed(fact: Fact) -> bytes | None:
    if fact.name != "email_bounced":
        return b"\0" if fact.name == _SUBSCRIBED else b"\1"
    is_permanent = text_of(fact.properties, "bounce_permanence") == "permanent"
    is_final = is_permanent and text_of(fact.properties, "bounce_scope") in ("address", "domain")
    return b"\1" if is_final else None
