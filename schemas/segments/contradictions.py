"""Nodes beside each other that no recipient, or every recipient, fits together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from schemas.segments.canonical import canonical
from schemas.segments.findings import Finding, error, warning
from schemas.segments.leaves import Done
from schemas.segments.places import under
from schemas.segments.rules import (
    AllNode,
    AnyNode,
    BucketNode,
    ConsentNode,
    EventNode,
    NotNode,
    Rule,
    SuppressedNode,
)
from schemas.segments.satisfiable import Range, range_of

_MOST_COMPARED = 50  # children of one node; every two are compared


def contradictions(group: AllNode | AnyNode, place: str) -> Iterator[Finding]:
    """Findings about a group's own children; one for each pair. `place`: of the group's list."""
    is_all = isinstance(group, AllNode)
    nodes = (group.all if isinstance(group, AllNode) else group.any)[:_MOST_COMPARED]
    forms = [canonical(node) for node in nodes]
    for (here, a), (there, b) in combinations(enumerate(nodes), 2):
        other = under(place, here)
        if forms[here] == forms[there]:
            yield warning(under(place, there), f"asks the same as `{other}`; take one of them out")
        elif _is_opposite(forms[here], forms[there]):
            said = "nobody fits both" if is_all else "everybody fits one of them"
            found = error if is_all else warning
            yield found(under(place, there), f"is the opposite of `{other}`, so {said}; take one of them out")
        elif is_all and (why := _why_never(a, b)):
            yield error(under(place, there), f"cannot hold together with `{other}`: {why}; mend one of them")


def _is_opposite(form: dict[str, Any], other: dict[str, Any]) -> bool:
    return form == {"not": other} or other == {"not": form}


def _why_never(a: Rule, b: Rule) -> str:
    """Why two nodes never hold at once; "" if they may."""
    if isinstance(a, ConsentNode) and isinstance(b, ConsentNode) and a.consent.purpose == b.consent.purpose:
        return f"consent is {a.consent.is_} or {b.consent.is_}, not both"
    if isinstance(a, SuppressedNode) and isinstance(b, SuppressedNode):
        return "suppressed is true or false, not both"
    if isinstance(a, BucketNode) and isinstance(b, BucketNode) and a.bucket.salt == b.bucket.salt:
        apart = a.bucket.to <= b.bucket.from_ or b.bucket.to <= a.bucket.from_
        return "the buckets do not overlap" if apart else ""
    if not isinstance(_inner(a), EventNode) or not isinstance(_inner(b), EventNode):
        return ""
    events = _counted(a), _counted(b)
    if events[0] is None or events[1] is None or events[0][0] != events[1][0]:
        return ""
    return _why_never_counted(events[0][1:], events[1][1:])


def _inner(node: Rule) -> Rule:
    return node.not_ if isinstance(node, NotNode) else node


Counted = tuple[str, float, Range]


def _counted(node: Rule) -> Counted | None:
    """What is counted, how far back (endless without a window), and how many it may be; None for other nodes."""
    inner = _inner(node)
    if not isinstance(inner, EventNode) or _is_elsewhere(inner.event):
        return None
    counts = _without(inner.event) if inner is not node else range_of(inner.event.count.asked, is_whole=True, floor=0)
    form = canonical(inner)["event"]
    what = json.dumps({key: value for key, value in form.items() if key not in ("count", "within")}, sort_keys=True)
    return None if counts is None else (what, float(inner.event.within or "inf"), counts)


def _is_elsewhere(event: Done) -> bool:
    return event.between is not None or event.since is not None or event.before is not None


def _without(event: Done) -> Range | None:
    """The counts that `not` of "so many at least" leaves."""
    found = range_of(event.count.asked, is_whole=True, floor=0)
    return range_of({"lt": found.least}, is_whole=True, floor=0) if found.most == float("inf") else None


def _why_never_counted(a: tuple[float, Range], b: tuple[float, Range]) -> str:
    """In a window inside of another there are not more events than in that."""
    for (inner, few), (outer, many) in ((a, b), (b, a)):
        if inner <= outer and few.least > many.most:
            return f"one asks for {few.least:g} or more, the other for {many.most:g} or less in the same time or longer"
    return ""
