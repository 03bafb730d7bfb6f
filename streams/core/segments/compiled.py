"""Rules as functions: each node of a tenant's segments; equal leaves, and segments that are named, are made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.errors import Misconfigured
from schemas.segments.canonical import canonical_json
from schemas.segments.references import named_by
from schemas.segments.rules import AllNode, NotNode, Rule, Segment, SegmentNode, children, kind_of
from streams.core.segments.leaf import Leaf, always, every, opposite, remembered, some
from streams.core.segments.leaves.aggregated import aggregate
from streams.core.segments.leaves.counted import event, regularly
from streams.core.segments.leaves.engaged import engagement
from streams.core.segments.leaves.last_messages import last_messages
from streams.core.segments.leaves.picked import first, latest
from streams.core.segments.leaves.plain import bucket, known_for
from streams.core.segments.leaves.sequenced import sequence
from streams.core.segments.leaves.traits import anniversary, date, trait
from streams.core.segments.leaves.words import consent, suppressed
from streams.core.segments.moving import remembering
from streams.core.segments.pieces import Pieces

LEAVES: dict[str, Callable[[Any, Pieces], Leaf]] = {
    "event": event,
    "first": first,
    "latest": latest,
    "aggregate": aggregate,
    "regularly": regularly,
    "sequence": sequence,
    "last_messages": last_messages,
    "trait": trait,
    "date": date,
    "anniversary": anniversary,
    "consent": consent,
    "suppressed": suppressed,
    "known_for": known_for,
    "bucket": bucket,
    "engagement": engagement,
}


class Node(NamedTuple):
    """A node of a rule, what it became, and the nodes below it."""

    rule: Rule
    leaf: Leaf
    children: tuple[Node, ...]


class Compiler:
    """Makes nodes of the rules of one tenant's segments.

    `is_moving`: its looks remember the last one, for a recipient with many facts.
    Raises Misconfigured where segments name one another in a circle. Nobody is in a segment that there is not.
    """

    def __init__(self, segments: Sequence[Segment], pieces: Pieces, *, is_moving: bool = False) -> None:
        self._is_moving = is_moving
        self._rules: Mapping[str, Rule] = {segment.id: segment.rule for segment in segments}
        self._pieces = pieces
        self._named = {name for segment in segments for name in named_by(segment.rule)}
        self._segments: dict[str, Node] = {}
        self._leaves: dict[str, Leaf] = {}
        self._open: list[str] = []

    def segment(self, name: str) -> Node:
        """The node of a segment's rule."""
        if name in self._open:
            circle = " -> ".join([*self._open[self._open.index(name) :], name])
            raise Misconfigured(f"segments refer to each other in a circle: {circle}; take one of the references out")
        if name not in self._segments:
            self._open.append(name)
            node = self.node(self._rules[name])
            self._open.pop()
            leaf = remembered(node.leaf, len(self._segments)) if name in self._named else node.leaf
            self._segments[name] = node._replace(leaf=leaf)
        return self._segments[name]

    def node(self, rule: Rule) -> Node:
        """The node of a rule."""
        below = tuple(self.node(child) for child in children(rule))
        if isinstance(rule, NotNode):
            return Node(rule, opposite(below[0].leaf), below)
        if below:
            return Node(rule, (every if isinstance(rule, AllNode) else some)([each.leaf for each in below]), below)
        if isinstance(rule, SegmentNode):
            is_known = rule.segment.in_ in self._rules
            return Node(rule, self.segment(rule.segment.in_).leaf if is_known else always(holds=False), ())
        return Node(rule, self._leaf(rule), ())

    def _leaf(self, rule: Rule) -> Leaf:
        asked = canonical_json(rule)
        if asked not in self._leaves:
            kind = kind_of(rule)
            leaf = LEAVES[kind](getattr(rule, kind), self._pieces)
            if self._is_moving and leaf.moving is not None:
                leaf = leaf._replace(look=remembering(leaf.moving(), leaf.pieces))
            self._leaves[asked] = leaf
        return self._leaves[asked]
