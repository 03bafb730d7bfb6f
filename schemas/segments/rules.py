"""The nodes of a rule, and the segment around it.

A node is an object with one key, which says what it is: `{all: [...]}`, `{event: {...}}`. `leaves.py` says what the
leaves mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Discriminator, Field, StrictBool, Tag, model_validator

from schemas.segments.conditions import Strict
from schemas.segments.durations import Duration
from schemas.segments.leaves import (
    Aggregate,
    Anniversary,
    Bucket,
    Consent,
    Date,
    Done,
    Engagement,
    InSegment,
    LastMessages,
    Pick,
    Regularly,
    SegmentId,
    Sequence,
    Trait,
)

MOST_NODES = 200  # of one rule
TENANT = r"^[a-z0-9][a-z0-9_.-]{0,62}$"


class AllNode(Strict):
    """Every one of these."""

    all: tuple[Rule, ...] = Field(min_length=1, max_length=MOST_NODES)


class AnyNode(Strict):
    """At least one of these."""

    any: tuple[Rule, ...] = Field(min_length=1, max_length=MOST_NODES)


class NotNode(Strict):
    """Not this."""

    not_: Rule = Field(alias="not")


class EventNode(Strict):
    """`event`: see `leaves.Done`."""

    event: Done


class FirstNode(Strict):
    """`first`: see `leaves.Pick`."""

    first: Pick


class LatestNode(Strict):
    """`latest`: see `leaves.Pick`."""

    latest: Pick


class AggregateNode(Strict):
    """`aggregate`: see `leaves.Aggregate`."""

    aggregate: Aggregate


class RegularlyNode(Strict):
    """`regularly`: see `leaves.Regularly`."""

    regularly: Regularly


class SequenceNode(Strict):
    """`sequence`: see `leaves.Sequence`."""

    sequence: Sequence


class LastMessagesNode(Strict):
    """`last_messages`: see `leaves.LastMessages`."""

    last_messages: LastMessages


class TraitNode(Strict):
    """`trait`: see `leaves.Trait`."""

    trait: Trait


class DateNode(Strict):
    """`date`: see `leaves.Date`."""

    date: Date


class AnniversaryNode(Strict):
    """`anniversary`: see `leaves.Anniversary`."""

    anniversary: Anniversary


class ConsentNode(Strict):
    """`consent`: see `leaves.Consent`."""

    consent: Consent


class SuppressedNode(Strict):
    """Whether the recipient may not be mailed.

    So it is if since the last `email_subscribed` there was a complaint, an opt-out, or a bounce that was permanent for
    the address or its domain.
    """

    suppressed: StrictBool


class KnownForNode(Strict):
    """The recipient's first fact is at least so old."""

    known_for: Duration


class SegmentNode(Strict):
    """`segment`: see `leaves.InSegment`."""

    segment: InSegment


class BucketNode(Strict):
    """`bucket`: see `leaves.Bucket`."""

    bucket: Bucket


class EngagementNode(Strict):
    """`engagement`: see `leaves.Engagement`."""

    engagement: Engagement


NODES: dict[str, type[Strict]] = {
    "all": AllNode,
    "any": AnyNode,
    "not": NotNode,
    "event": EventNode,
    "first": FirstNode,
    "latest": LatestNode,
    "aggregate": AggregateNode,
    "regularly": RegularlyNode,
    "sequence": SequenceNode,
    "last_messages": LastMessagesNode,
    "trait": TraitNode,
    "date": DateNode,
    "anniversary": AnniversaryNode,
    "consent": ConsentNode,
    "suppressed": SuppressedNode,
    "known_for": KnownForNode,
    "segment": SegmentNode,
    "bucket": BucketNode,
    "engagement": EngagementNode,
}


KINDS: dict[type[Strict], str] = {model: kind for kind, model in NODES.items()}


def _kind(value: Any) -> str | None:
    """The key that says what a node is; None for what is none."""
    if isinstance(value, Strict):
        return KINDS.get(type(value))
    if isinstance(value, dict) and len(value) == 1:
        key = next(iter(value))
        return key if key in NODES else None
    return None


Rule = Annotated[
    Annotated[AllNode, Tag("all")]
    | Annotated[AnyNode, Tag("any")]
    | Annotated[NotNode, Tag("not")]
    | Annotated[EventNode, Tag("event")]
    | Annotated[FirstNode, Tag("first")]
    | Annotated[LatestNode, Tag("latest")]
    | Annotated[AggregateNode, Tag("aggregate")]
    | Annotated[RegularlyNode, Tag("regularly")]
    | Annotated[SequenceNode, Tag("sequence")]
    | Annotated[LastMessagesNode, Tag("last_messages")]
    | Annotated[TraitNode, Tag("trait")]
    | Annotated[DateNode, Tag("date")]
    | Annotated[AnniversaryNode, Tag("anniversary")]
    | Annotated[ConsentNode, Tag("consent")]
    | Annotated[SuppressedNode, Tag("suppressed")]
    | Annotated[KnownForNode, Tag("known_for")]
    | Annotated[SegmentNode, Tag("segment")]
    | Annotated[BucketNode, Tag("bucket")]
    | Annotated[EngagementNode, Tag("engagement")],
    Discriminator(_kind),
]


class Segment(Strict):
    """A named rule of a tenant. `rule` may be left out in a file: the node's key then stands beside `id`."""

    id: SegmentId
    tenant: str = Field(pattern=TENANT)
    description: str = ""
    rule: Rule

    @model_validator(mode="before")
    @classmethod
    def _rule_beside_the_id(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "rule" in value:
            return value
        node = {key: value[key] for key in value if key in NODES}
        return {key: value[key] for key in value if key not in NODES} | ({"rule": node} if node else {})

    @model_validator(mode="after")
    def _is_not_too_large(self) -> Segment:
        nodes = sum(1 for _ in nodes_of(self.rule))
        if nodes > MOST_NODES:
            raise ValueError(
                f"the rule has {nodes} nodes, more than {MOST_NODES}; make segments of its parts, and name those"
            )
        return self


def children(node: Rule) -> tuple[Rule, ...]:
    """The nodes right below `all`, `any` and `not`; a leaf has none."""
    if isinstance(node, AllNode):
        return node.all
    if isinstance(node, AnyNode):
        return node.any
    return (node.not_,) if isinstance(node, NotNode) else ()


def nodes_of(rule: Rule) -> Iterator[Rule]:
    """The node and all below it."""
    yield rule
    for child in children(rule):
        yield from nodes_of(child)


def kind_of(node: Rule) -> str:
    """The key that says what the node is."""
    return KINDS[type(node)]


for _node in (AllNode, AnyNode, NotNode):
    _node.model_rebuild()
