"""What is kept of the last messages: deliveries by category, and what was done with each.

A piece for each category holds the newest messages by their first delivery, with a bit for every kind of reaction.
Reactions to messages that are not known (yet) wait in a piece of their own, those dated in the future in another. Of a
reaction no more than its bit is kept: which event it was is not known later, so it cannot be taken out again. A message
that is delivered once more after it was forgotten, when as many newer ones had come as are kept, is new.
"""

from __future__ import annotations

from streams.core.segments.fact import Fact
from streams.core.segments.pieces import Bodies, Keep, Piece, Pieces, kept
from streams.core.segments.records import STAMP, added, each, find, inserted, short, time_at, upto, without

SLACK = 3  # messages kept beyond those asked for
FEWEST = 6  # that are kept
MOST_WAITING = 6  # messages
ID = 5  # bytes of a message id
SIZE = STAMP + ID + 1
_WAITING = ID + 1
_BITS = {
    "email_opened": 1,
    "email_opened_machine": 2,
    "email_clicked": 4,
    "email_clicked_machine": 8,
    "email_complained": 16,
    "email_unsubscribed": 32,
}


def _message(fact: Fact) -> bytes | None:
    found = fact.properties.get("message_id")
    return short(found.encode("utf-8", "surrogatepass"), ID) if found and isinstance(found, str) else None


def _first_of(body: bytes, record: bytes) -> bytes:
    """With the delivery; of two of one message the earlier stays, with the reactions of both."""
    place = find(body, SIZE, record[STAMP:-1], STAMP)
    if place >= 0:
        old = body[place : place + SIZE]
        body = body[:place] + body[place + SIZE :]
        record = min(old, record)[:-1] + bytes([old[-1] | record[-1]])
    return inserted(body, SIZE, record)


class Deliveries(Piece):
    """Messages of a category (None: all): the stamp of the first delivery, id, bits."""

    names = ("email_delivered",)

    def __init__(self, index: int, key: str, category: str | None, reactions: Reactions) -> None:
        super().__init__(index, key, SIZE)
        self.category, self.reactions = category, reactions
        self.keep = Keep(0, None, 0)
        reactions.deliveries.append(self)

    def want(self, most: int, mature_ms: int) -> None:
        """Keep at least so many that were delivered so long ago."""
        self.keep = self.keep.with_(Keep(mature_ms, None, max(most + SLACK, FEWEST)))

    def put(self, bodies: Bodies, fact: Fact, stamp: bytes, now: int) -> int:
        """See `Piece`."""
        message = _message(fact) if self._is_of(fact) else None
        if message is None:
            return 0
        reactions = self.reactions
        arrived = reactions.arrived(bodies, now) if bodies[reactions.ahead.index] else 0
        bits, old = reactions.known(bodies, message), bodies[self.index]
        new = self.kept(_first_of(old, stamp + message + bytes([bits])), now)
        bodies[self.index] = new
        return arrived if new == old else arrived | self.mask

    def _is_of(self, fact: Fact) -> bool:
        if self.category is None or fact.properties.get("stream") == self.category:
            return True
        tags = fact.properties.get("tags")
        return isinstance(tags, (list, tuple)) and self.category in tags

    def kept(self, body: bytes, now: int) -> bytes:
        """See `Piece`."""
        return kept(body, SIZE, now, self.keep)

    def joined(self, body: bytes, other: bytes, now: int) -> bytes:
        """See `Piece`."""
        for record in each(other, SIZE):
            body = _first_of(body, record)
        return self.kept(body, now)

    def erased(self, bodies: Bodies, event_ident: bytes) -> None:
        """See `Piece`; the message's reactions wait for it again."""
        old = bodies[self.index]
        place = find(old, SIZE, event_ident, STAMP - 6)
        if place >= 0:
            bodies[self.index] = without(old, SIZE, event_ident)
            self.reactions.wait(bodies, old[place + STAMP : place + SIZE - 1], old[place + SIZE - 1])

    def mark(self, bodies: Bodies, message: bytes, bits: int) -> int | None:
        """The message had these reactions; None if it is not known."""
        body = bodies[self.index]
        place = find(body, SIZE, message, STAMP)
        if place < 0:
            return None
        last = place + SIZE - 1
        if body[last] | bits == body[last]:
            return 0
        bodies[self.index] = body[:last] + bytes([body[last] | bits]) + body[last + 1 :]
        return self.mask


class Reactions(Piece):
    """Reactions to messages that were not delivered, as far as is known: id and bits, in the order of their coming."""

    names = tuple(_BITS)

    def __init__(self, index: int, key: str, ahead: Ahead) -> None:
        super().__init__(index, key, _WAITING)
        self.ahead, self.deliveries = ahead, list[Deliveries]()

    def put(self, bodies: Bodies, fact: Fact, stamp: bytes, now: int) -> int:
        """See `Piece`."""
        message = _message(fact)
        if message is None:
            return 0
        arrived = self.arrived(bodies, now) if bodies[self.ahead.index] else 0
        bits = _BITS[fact.name]
        if time_at(stamp, 0) <= now:
            return arrived | self._mark(bodies, message, bits)
        body = bodies[self.ahead.index]
        bodies[self.ahead.index] = self.ahead.kept(added(body, SIZE, stamp + message + bytes([bits])) or body, now)
        return arrived | self._everybody()

    def _everybody(self) -> int:
        mask = 0
        for piece in self.deliveries:
            mask |= piece.mask
        return mask

    def _mark(self, bodies: Bodies, message: bytes, bits: int) -> int:
        marked = [found for piece in self.deliveries if (found := piece.mark(bodies, message, bits)) is not None]
        if not marked:
            self.wait(bodies, message, bits)
        return max(marked, default=0) if len(marked) < 2 else _union(marked)

    def wait(self, bodies: Bodies, message: bytes, bits: int) -> None:
        """Keep the reactions to a message that is not known."""
        bodies[self.index] = _waiting(bodies[self.index], message, bits)

    def arrived(self, bodies: Bodies, now: int) -> int:
        """Count those of the future that are no more; the segments for which that changes something."""
        body, mask = bodies[self.ahead.index], 0
        if count := upto(body, SIZE, now):
            for record in each(body[: count * SIZE], SIZE):
                mask |= self._mark(bodies, record[STAMP:-1], record[-1])
            bodies[self.ahead.index] = body[count * SIZE :]
        return mask

    def known(self, bodies: Bodies, message: bytes) -> int:
        """The reactions to a message that is delivered now; they wait no longer if nothing else can ask for them."""
        bits, body = 0, bodies[self.index]
        place = find(body, _WAITING, message, 0) if body else -1
        if place >= 0:
            bits = body[place + ID]
            if len(self.deliveries) == 1:
                bodies[self.index] = body[:place] + body[place + _WAITING :]
        for piece in self.deliveries if len(self.deliveries) > 1 else ():
            found = find(bodies[piece.index], SIZE, message, STAMP)
            bits |= bodies[piece.index][found + SIZE - 1] if found >= 0 else 0
        return bits

    def joined(self, body: bytes, other: bytes, now: int) -> bytes:  # noqa: ARG002 - no time is kept here
        """See `Piece`."""
        for record in each(other, _WAITING):
            body = _waiting(body, record[:-1], record[-1])
        return body

    def erased(self, bodies: Bodies, event_ident: bytes) -> None:
        """Nothing: which events these were is not kept."""

    def settle(self, bodies: Bodies) -> None:
        """After two recipients were made one: whatever is known of a message is known in every category."""
        known = [record[STAMP:] for piece in self.deliveries for record in each(bodies[piece.index], SIZE)]
        for record in [*known, *each(bodies[self.index], _WAITING)]:
            for piece in self.deliveries:
                piece.mark(bodies, record[:-1], record[-1])

    def is_full(self, body: bytes) -> bool:
        """Whether there may have been more."""
        return len(body) >= MOST_WAITING * _WAITING


def _waiting(body: bytes, message: bytes, bits: int) -> bytes:
    """With these reactions; the message that has waited longest goes where there are too many."""
    place = find(body, _WAITING, message, 0)
    if place < 0:
        return (body + message + bytes([bits]))[-MOST_WAITING * _WAITING :]
    last = place + ID
    return body[:last] + bytes([body[last] | bits]) + body[last + 1 :]


def _union(masks: list[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


class Ahead(Piece):
    """Reactions dated in the future, by time: like a delivery, with the one bit. `Reactions` puts them here."""

    def __init__(self, index: int, key: str) -> None:
        super().__init__(index, key, SIZE)

    def kept(self, body: bytes, now: int) -> bytes:
        """See `Piece`."""
        return kept(body, SIZE, now, Keep())


def deliveries(category: str | None, pieces: Pieces) -> Deliveries:
    """The piece of a category."""
    ahead = pieces.piece("reactions ahead", Ahead)
    reactions = pieces.piece("reactions", lambda index, key: Reactions(index, key, ahead))
    key = "deliveries" if category is None else f"deliveries of {category}"
    return pieces.piece(key, lambda index, key: Deliveries(index, key, category, reactions))
