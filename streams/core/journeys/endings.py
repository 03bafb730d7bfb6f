"""What a journey waits for or ends by, as functions: an event of certain names and properties, or a membership.

A rule under `if` is followed as a segment of its own, with an id that no segment has; one that only names a segment is
that segment. So what a rule means, and the instant at which it changes, is what it is for segments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.journeys.endings import Ending, Entering, Happens
from schemas.segments.canonical import leaf_hash
from schemas.segments.rules import Rule, SegmentNode
from streams.core.segments.conditions import Test, where_test
from streams.core.segments.fact import Fact
from streams.core.segments.values import Values, number_of, values_at

HIDDEN = "#"
"""The ids of rules that are followed for journeys alone begin with it; no segment's id does."""
_LONGEST_KEY = 200  # characters; a key is kept with the run


class Trigger(NamedTuple):
    """An event: of these names, fitting `test` (None: any). `values`: at the path of the run's key, None without."""

    names: frozenset[str]
    test: Test | None
    values: Values | None

    def fits(self, fact: Fact) -> bool:
        """Is it such an event?"""
        return fact.name in self.names and (self.test is None or self.test(fact.properties))

    def key_of(self, properties: Mapping[str, Any]) -> str | None:
        """The key there, as JSON; "" where none is asked for, None where there is none that can be one."""
        if self.values is None:
            return ""
        found = self.values(properties)
        return _key(found[0]) if found else None


class Sign(NamedTuple):
    """What is waited for: an event, or (`asked`) to be in the segment of that id."""

    trigger: Trigger | None
    asked: str

    def comes(self, fact: Fact | None, key: str) -> bool:
        """Is the fact this event, with the run's key where that is asked?"""
        trigger = self.trigger
        if fact is None or trigger is None or not trigger.fits(fact):
            return False
        return trigger.values is None or trigger.key_of(fact.properties) == key


def trigger(event: Happens | Entering) -> Trigger:
    """The event as a function."""
    path = event.key if isinstance(event, Entering) else event.same
    return Trigger(frozenset(event.name), where_test(event.where), values_at(path) if path else None)


def sign(ending: Ending) -> Sign:
    """The event or rule as a function."""
    if ending.event is not None:
        return Sign(trigger(ending.event), "")
    assert ending.if_ is not None  # noqa: S101 - the model has one of both
    return Sign(None, asked_by(ending.if_))


def asked_by(rule: Rule) -> str:
    """The id of the segment that tells whether the rule holds."""
    return rule.segment.in_ if isinstance(rule, SegmentNode) else HIDDEN + leaf_hash(rule)[:16]


def _key(value: Any) -> str | None:
    """Equal values of one type have equal keys; the text "5" is not the number 5."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=True) if 0 < len(value) <= _LONGEST_KEY else None
    if isinstance(value, bool):
        return None
    number = number_of(value)
    if number is None or number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124 - not a number
        return None
    return str(int(number)) if number.is_integer() else repr(number)
