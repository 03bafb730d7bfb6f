"""References between segments: those that lead nowhere, in circles, or too deep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from schemas.nearest import nearest
from schemas.segments.findings import Finding, error
from schemas.segments.rules import Rule, Segment, SegmentNode, nodes_of

MOST_DEEP = 20  # segments that refer to segments that refer ...
_MOST_CIRCLES = 20  # that are told of at once


def named_by(rule: Rule) -> set[str]:
    """The ids of the segments that a rule names."""
    return {node.segment.in_ for node in nodes_of(rule) if isinstance(node, SegmentNode)}


def unknown(place: str, named: str, segment: Segment, known: Mapping[str, set[str]]) -> Finding:
    """What is said of an id that no segment of the tenant has. `known`: ids by tenant."""
    own = known.get(segment.tenant, set())
    elsewhere = sorted(tenant for tenant, ids in known.items() if named in ids)
    if elsewhere:
        return error(
            place, f"{named!r} is a segment of the tenant {elsewhere[0]}, not of {segment.tenant}; write one here"
        )
    near = nearest(named, sorted(own - {segment.id}))
    return error(place, f"no segment has the id {named!r}; " + (f"did you mean `{near}`?" if near else "write one"))


def circles(segments: Mapping[str, Segment]) -> Iterator[Finding]:
    """Segments of one tenant, by id, that lead back to themselves; and those that lead too deep."""
    known = segments.keys()
    edges = {name: named_by(segment.rule) & known for name, segment in segments.items()}
    for _ in range(_MOST_CIRCLES):
        try:
            order = list(TopologicalSorter(edges).static_order())
        except CycleError as wrong:
            circle = list(reversed(wrong.args[1]))
            yield error(circle[0], f"refers to itself: {' -> '.join(circle[:10])}; take one of the references out")
            edges[circle[0]] = edges[circle[0]] - {circle[1]}
            continue
        yield from _too_deep(order, edges)
        return


def _too_deep(order: list[str], edges: Mapping[str, set[str]]) -> Iterator[Finding]:
    depth: dict[str, int] = {}
    for name in order:
        depth[name] = 1 + max((depth[other] for other in edges[name]), default=0)
        if depth[name] == MOST_DEEP + 1:
            yield error(
                name, f"segments refer to each other {depth[name]} deep; the most is {MOST_DEEP}, so merge some"
            )
