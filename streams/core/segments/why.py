"""Why somebody is in a segment or is not: their facts, gone through once, and what became of each node of the rule.

The rule's nodes are followed like segments of their own, so that of each is known since when it is as it is, too. A
segment that the rule names has its own rule below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any, NamedTuple

from schemas.segments.references import named_by
from schemas.segments.rules import Rule, Segment, SegmentNode, children
from streams.core.segments.explained import explained
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program
from streams.core.segments.recipient import Recipient
from streams.core.segments.records import ident, inside

_APART = "#"  # between a segment's id and the place of a node; no id has it


class Reason(NamedTuple):
    """A node at the instant of the question.

    `since`: from when it is so (ms); None: ever since the recipient is known, or nothing is known of them. `until`: the
    instant (ms) at which time alone changes it, None if it never does. `is_approximate`: so much happened that older
    facts may have been dropped. `below`: the nodes that it consists of; of `segment`, that segment's rule.
    """

    rule: Rule
    holds: bool
    since: int | None
    until: int | None
    is_approximate: bool
    below: tuple[Reason, ...] = ()


class Why(NamedTuple):
    """A segment, and the reason that its rule gives."""

    segment: Segment
    reason: Reason


class Question:
    """Segments of one tenant about which is asked, at the instant `at` (ms).

    `known`: all that the tenant has. With `is_deep` each node has its reasons; else only the segments do.
    Raises Misconfigured where segments name one another in a circle.
    """

    def __init__(self, asked: Sequence[Segment], known: Sequence[Segment], at: int, *, is_deep: bool) -> None:
        self.asked, self.at, self._is_deep = asked, at, is_deep
        self._by_id = _needed(asked, {segment.id: segment for segment in known})
        parts = [part for segment in self._by_id.values() for part in _parts(segment)] if is_deep else []
        self._program = Program([*self._by_id.values(), *parts], is_moving=True)
        self._is_first = False

    @property
    def names(self) -> frozenset[str]:
        """Names of the facts whose properties matter."""
        return self._program.names

    @property
    def has_traits(self) -> bool:
        """Whether traits matter."""
        return bool(self._program.traits)

    def answer(self, recipient_key: str, facts: Iterable[Fact]) -> list[Why]:
        """The reasons for this recipient. `facts`: all of theirs, in the order in which they were known, up to `at`."""
        recipient, turned = self._program.open(recipient_key, None), dict[str, int]()
        seen = set[bytes]()
        for fact in facts:
            mark = ident(fact.event_id)
            self._say(is_first=mark not in seen)
            seen.add(mark)
            turned.update((change.segment_id, change.effective_at) for change in recipient.apply(fact, fact.known_at))
        self._say(is_first=False)
        turned.update((change.segment_id, change.effective_at) for change in recipient.advance(self.at))
        found = self._reasons(recipient, turned)
        return [Why(segment, found[segment.id]) for segment in self.asked]

    def _say(self, *, is_first: bool) -> None:
        if is_first != self._is_first:
            self._is_first = is_first
            self._program.say_first(is_first=is_first)

    def _reasons(self, recipient: Recipient, turned: Mapping[str, int]) -> dict[str, Reason]:
        program = self._program
        wanted = [each for each in program.segments if each.id in self._by_id]
        seen = {each["segment"]: each for each in explained(recipient, wanted, program.pieces, inside(self.at))}
        found: dict[str, Reason] = {}
        names = {id_: named_by(segment.rule) & self._by_id.keys() for id_, segment in self._by_id.items()}
        for id_ in TopologicalSorter(names).static_order():  # those that are named come before those that name them
            found[id_] = self._reason(self._by_id[id_].rule, id_, seen[id_]["node"], turned, found)
        return found

    def _reason(
        self, rule: Rule, place: str, seen: Mapping[str, Any], turned: Mapping[str, int], found: Mapping[str, Reason]
    ) -> Reason:
        """`place`: under which id the node was followed; `found`: the reasons of segments that it may name."""
        below: list[Reason] = []
        if self._is_deep and isinstance(rule, SegmentNode):
            below = [found[rule.segment.in_]] if rule.segment.in_ in found else []
        elif self._is_deep:
            pairs = zip(children(rule), seen["nodes"], strict=True)
            below = [self._reason(child, _at(place, n), one, turned, found) for n, (child, one) in enumerate(pairs)]
        return Reason(rule, seen["holds"], turned.get(place), seen["until"], seen["is_approximate"], tuple(below))


def _needed(asked: Sequence[Segment], known: Mapping[str, Segment]) -> dict[str, Segment]:
    """Those asked about and all that they name, directly or not, by id."""
    found = {segment.id: segment for segment in asked}
    left = list(asked)
    while left:
        for name in sorted(named_by(left.pop().rule) - found.keys()):
            if name in known:
                found[name] = known[name]
                left.append(known[name])
    return found


def _parts(segment: Segment) -> Iterator[Segment]:
    """Each node below the segment's own as a segment, with its place in the id."""

    def inner(rule: Rule, place: str) -> Iterator[Segment]:
        for number, child in enumerate(children(rule)):
            at = _at(place, number)
            yield segment.model_copy(update={"id": at, "rule": child})
            yield from inner(child, at)

    return inner(segment.rule, segment.id)


def _at(place: str, number: int) -> str:
    return f"{place}{_APART}{number}"
