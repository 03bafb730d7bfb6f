"""Why somebody is in a segment: each node with since and until, as the evaluator has it; named segments too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import Misconfigured
from schemas.segments.rules import Rule, Segment
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program
from streams.core.segments.why import Question, Reason
from tests.unit.streams.core.segments.histories import (
    HOUR,
    RECIPIENTS,
    SPAN,
    START,
    histories,
    rule_of,
    rules,
    segments,
)

DAY = 24 * HOUR
CHECKOUT = {"event": {"name": "page", "within": "2d"}}
BOUGHT = {"event": {"name": "order_completed", "within": "1d"}}


def segment(id_: str, rule: Mapping[str, Any] | Rule) -> Segment:
    return Segment(id=id_, tenant="acme", rule=rule_of(rule) if isinstance(rule, Mapping) else rule)


def fact(name: str, at: int, known_at: int | None = None) -> Fact:
    return Fact(f"{name}{at}", name, START + at, START + (at if known_at is None else known_at), {}, {})


def why(rule: Mapping[str, Any], facts: list[Fact], at: int, *others: Segment) -> Reason:
    asked = segment("asked", rule)
    [found] = Question([asked], [asked, *others], START + at, is_deep=True).answer("someone", facts)
    return found.reason


def times(reason: Reason) -> tuple[bool, int | None, int | None]:
    since, until = (None if at is None else (at - START) // HOUR for at in (reason.since, reason.until))
    return reason.holds, since, until


def each(reason: Reason) -> Iterator[Reason]:
    yield reason
    for below in reason.below:
        yield from each(below)


def test_each_node_says_since_when_and_until_when() -> None:
    facts = [fact("page", 0), fact("order_completed", 5 * HOUR)]
    found = why({"all": [CHECKOUT, {"not": BOUGHT}]}, facts, 6 * HOUR)
    assert times(found) == (False, 5, 29)
    page, not_bought = found.below
    assert times(page) == (True, 0, 48)
    assert times(not_bought) == (False, 5, 29)
    assert times(not_bought.below[0]) == (True, 5, 29)


def test_what_was_never_otherwise_has_no_since() -> None:
    found = why({"any": [CHECKOUT, BOUGHT]}, [fact("cart_viewed", 0)], HOUR)
    assert [times(node) for node in each(found)] == [(False, None, None)] * 3


def test_an_event_that_came_late_counts_since_it_is_known() -> None:
    facts = [fact("cart_viewed", 0), fact("page", HOUR, 7 * HOUR)]
    assert times(why(CHECKOUT, facts, 8 * HOUR)) == (True, 7, 49)


def test_what_time_changes_at_that_very_instant_is_changed() -> None:
    assert times(why(CHECKOUT, [fact("page", 0)], 2 * DAY)) == (False, 48, None)


def test_a_segment_that_is_named_has_its_own_rule_below_it() -> None:
    other = segment("other", {"all": [CHECKOUT, {"segment": "inner"}]})
    inner = segment("inner", {"not": BOUGHT})
    found = why({"segment": "other"}, [fact("page", 0)], HOUR, other, inner)
    [named] = found.below
    assert (named.rule, times(named)) == (other.rule, times(found))
    assert [len(list(each(node))) for node in named.below] == [1, 3]
    assert why({"segment": "gone"}, [fact("page", 0)], HOUR).below == ()


def test_a_circle_of_segments_is_refused() -> None:
    with pytest.raises(Misconfigured, match="circle"):
        why({"segment": "other"}, [], HOUR, segment("other", {"segment": "asked"}))


def test_of_many_segments_only_the_answer_is_given() -> None:
    asked = [segment("a", {"all": [CHECKOUT, BOUGHT]}), segment("b", {"segment": "a"})]
    found = Question(asked, asked, START + HOUR, is_deep=False).answer("someone", [fact("page", 0)])
    assert [(one.segment.id, one.reason.holds, one.reason.below) for one in found] == [
        ("a", False, ()),
        ("b", False, ()),
    ]


@settings(max_examples=150, deadline=None)
@given(rules(3), segments(), histories(25), st.sampled_from(RECIPIENTS), st.integers(0, 2 * SPAN // HOUR))
def test_the_answer_is_that_of_the_evaluator_for_each_node(
    rule: Rule, named: dict[str, Rule], facts: list[Fact], who: str, hours: int
) -> None:
    at = START + hours * HOUR
    known = [one for one in facts if one.known_at <= at]
    others = [segment(id_, inner) for id_, inner in named.items()]
    question = Question([segment("asked", rule)], [segment("asked", rule), *others], at, is_deep=True)
    found = question.answer(who, known)[0].reason
    for node in each(found):
        alone = Program([segment("asked", node.rule), *others]).open(who, None)
        changes = [change for one in known for change in alone.apply(one, one.known_at)] + alone.advance(at)
        mine = [change for change in changes if change.segment_id == "asked"]
        assert node.holds == bool(mine and mine[-1].is_member)
        assert node.since == (mine[-1].effective_at if mine else None)
        if node.until is not None:
            later = [change for change in alone.advance(node.until) if change.segment_id == "asked"]
            assert [(change.effective_at, change.is_member) for change in later] == [(node.until, not node.holds)]
