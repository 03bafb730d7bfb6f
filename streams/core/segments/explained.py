"""Why somebody is in a segment or not, node by node, and until when: plain data for people and programs.

    {"segment": id, "version": .., "is_member": .., "since": ms or None, "until": ms or None, "is_approximate": ..,
     "node": {"kind": .., "rule": canonical form, "holds": .., "since": .., "until": .., "is_approximate": ..,
              "nodes": [..]}}

`until` is the next instant at which time alone changes the answer, None if it never does (or only after `_MOST_LOOKS`
instants at which it could have). `is_approximate`: so much happened that older facts may have been dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from schemas.segments.canonical import canonical
from schemas.segments.rules import kind_of
from streams.core.segments.compiled import Node
from streams.core.segments.leaf import FOREVER, Look
from streams.core.segments.pieces import FIRST_KNOWN, Bodies, Piece
from streams.core.segments.records import ZERO_MS, time_at

if TYPE_CHECKING:
    from streams.core.segments.program import Followed
    from streams.core.segments.recipient import Recipient

_MOST_LOOKS = 1_000


class _Seen:
    """A recipient at an instant."""

    def __init__(self, bodies: Bodies, pieces: Sequence[Piece], clock: int) -> None:
        self.bodies, self.pieces, self.clock = bodies, pieces, clock

    def verdict(self, look: Look, clock: int) -> int:
        """The node's verdict; of whom nothing is known yet, no."""
        first = self.bodies[FIRST_KNOWN]
        known_at = time_at(first, 0) if first else FOREVER
        return look(self.bodies, clock, {}) if known_at <= clock else -known_at

    def until(self, look: Look) -> int | None:
        """When the answer changes."""
        found = self.verdict(look, self.clock)
        for _ in range(_MOST_LOOKS):
            at = abs(found)
            if at >= FOREVER:
                return None
            then = self.verdict(look, at)
            if (then > 0) != (found > 0):
                return at + ZERO_MS
            found = then
        return None

    def node(self, node: Node) -> dict[str, Any]:
        """The node and those below it."""
        return {
            "kind": kind_of(node.rule),
            "rule": canonical(node.rule),
            "holds": self.verdict(node.leaf.look, self.clock) > 0,
            "since": None,
            "until": self.until(node.leaf.look),
            "is_approximate": any(self.pieces[p].is_full(self.bodies[p]) for p in node.leaf.pieces),
            "nodes": [self.node(child) for child in node.children],
        }


def explained(
    recipient: Recipient, segments: Sequence[Followed], pieces: Sequence[Piece], clock: int
) -> list[dict[str, Any]]:
    """Every segment; `clock` is the evaluator's time."""
    seen = _Seen(recipient.bodies, pieces, clock)
    return [_segment(recipient, segment, seen) for segment in segments]


def _segment(recipient: Recipient, segment: Followed, seen: _Seen) -> dict[str, Any]:
    node = seen.node(segment.node)
    return {
        "segment": segment.id,
        "version": segment.version,
        "is_member": node["holds"],
        "since": recipient.since(segment) if node["holds"] else None,
        "until": node["until"],
        "is_approximate": node["is_approximate"],
        "node": node,
    }
