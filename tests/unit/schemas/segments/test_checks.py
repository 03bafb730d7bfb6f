"""Static checks: what can never hold or always holds, names that nothing has, state without end, history not kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.segments.checks import check_rule
from schemas.segments.conditions import Condition, Count
from schemas.segments.rules import Rule, Segment
from schemas.segments.satisfiable import always_amount, never_amount, never_condition
from schemas.segments.texts import read_yaml
from tests.unit.streams.core.segments.histories import rules


def said(text: str, retention_days: int | None = None) -> list[str]:
    segment = Segment.model_validate({"id": "a", "tenant": "t", **read_yaml(text)})
    return [f"{f.severity} {f.place}: {f.sentence}" for f in check_rule(segment.rule, "a", retention_days)]


NEVER = [
    ("event: {name: x, count: {gt: 2, lt: 3}}", "a.event.count", "`gt: 2` and `lt: 3` leave nothing between them"),
    ("event: {name: x, count: {lt: 0}}", "a.event.count", "it is never less than 0, as `lt: 0` asks"),
    ("event: {name: x, count: {eq: 1, gte: 2}}", "a.event.count", "`gte: 2` and `eq: 1` leave nothing between them"),
    ("aggregate: {name: x, fn: avg, of: y, within: 1d, is: {gt: 5, lt: 5}}", "a.aggregate.is", "`gt: 5` and `lt: 5`"),
    ("aggregate: {name: x, fn: distinct, of: y, within: 1d, is: {lt: 0}}", "a.aggregate.is", "never less than 0"),
    ("engagement: {is: {lt: 0}}", "a.engagement.is", "it is never less than 0"),
    ("regularly: {name: x, every: 1d, periods: 2, count: {gte: 3, lte: 2}}", "a.regularly.count", "leave nothing"),
    ("trait: {path: p, is: {eq: 5, gt: 7}}", "a.trait.is", "what `eq` asks for does not fit `gt`"),
    ("trait: {path: p, is: {eq: x, in: [y, z]}}", "a.trait.is", "what `eq` asks for does not fit `in`"),
    ("trait: {path: p, is: {in: [a, b], not_in: [b, a]}}", "a.trait.is", "what `in` asks for does not fit `not_in`"),
    ("trait: {path: p, is: {eq: true, ne: true}}", "a.trait.is", "does not fit `ne`"),
    ("trait: {path: p, is: {gte: 5, lt: 3}}", "a.trait.is", "`gte: 5` and `lt: 3`"),
    ("trait: {path: p, is: {gt: 5, contains: x}}", "a.trait.is", "ask for values of different types"),
    ("trait: {path: p, is: {exists: false, gt: 5}}", "a.trait.is", "with exists: false"),
    ("trait: {path: p, is: {after: '2026-02-01T00:00:00Z', before: '2026-01-01T00:00:00Z'}}",
     "a.trait.is", "swap them"),
    ("event: {name: x, where: {y.z: {gte: 5, lt: 3}}}", "a.event.where.y.z", "`gte: 5` and `lt: 3`"),
    ("event: {name: x, within: 1d, unless: {name: y, same: o, where: {z: {gte: 5, lt: 3}}}}",
     "a.event.unless.where.z", "`gte: 5` and `lt: 3`"),
    ("sequence: {first: {name: x, where: {y: {eq: a, starts_with: b}}}, then: {name: z}, within: 1d}",
     "a.sequence.first.where.y", "what `eq` asks for does not fit `starts_with`"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "why"), NEVER)
def test_what_no_value_can_meet_is_an_error(text: str, place: str, why: str) -> None:
    found = said(text)
    assert len(found) == 1
    assert found[0].startswith(f"error {place}: can never hold: ")
    assert why in found[0]


TOGETHER = [
    ("all: [{segment: x}, {not: {segment: x}}]", "error a.all[1]: is the opposite of `a.all[0]`, so nobody fits both"),
    ("any: [{segment: x}, {not: {segment: x}}]", "warning a.any[1]: is the opposite of `a.any[0]`, so everybody fits"),
    ("any: [{segment: x}, {segment: {in: x}}]", "warning a.any[1]: asks the same as `a.any[0]`; take one of them out"),
    ("all: [{consent: {purpose: m, is: granted}}, {consent: {purpose: m, is: denied}}]",
     "error a.all[1]: cannot hold together with `a.all[0]`: consent is granted or denied, not both"),
    ("all: [{bucket: {salt: s, from: 0, to: 0.5}}, {bucket: {salt: s, from: 0.5, to: 1}}]",
     "error a.all[1]: cannot hold together with `a.all[0]`: the buckets do not overlap"),
    ("all: [{event: {name: x, within: 1d}}, {event: {name: x, within: 3d, count: 0}}]",
     "error a.all[1]: cannot hold together with `a.all[0]`: one asks for 1 or more, the other for 0 or less"),
    ("all: [{not: {event: {name: x}}}, {event: {name: x, within: 1d, count: {gte: 2}}}]",
     "error a.all[1]: cannot hold together with `a.all[0]`: one asks for 2 or more, the other for 0 or less"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), TOGETHER)
def test_nodes_that_exclude_or_repeat_each_other_are_found(text: str, sentence: str) -> None:
    found = said(text)
    assert len(found) == 1
    assert found[0].startswith(sentence)


@pytest.mark.parametrize(
    "text",
    [
        "all: [{event: {name: x, within: 3d}}, {event: {name: x, within: 1d, count: 0}}]",
        "all: [{event: {name: x, within: 1d, where: {y: 1}}}, {not: {event: {name: x, within: 3d}}}]",
        "all: [{consent: {purpose: m, is: granted}}, {consent: {purpose: n, is: denied}}]",
        "all: [{bucket: {salt: s, from: 0, to: 0.6}}, {bucket: {salt: s, from: 0.5, to: 1}}]",
        "trait: {path: p, is: {gte: 5, lte: 5}}",
        "trait: {path: p, is: {in: [a, b], not_in: [b]}}",
        "event: {name: email_opened_machine, where: {metadata.order: 5}}",
        "event: {name: [email_clicked, page], where: {own: 5}}",
        "aggregate: {name: x, fn: sum, of: y, between: [9d, 1d], is: {lt: 0}}",
        "sequence: {first: {name: x}, then: {name: y}, within: 1d}",
    ],
)
def test_what_may_be_meant_is_not_complained_of(text: str) -> None:
    assert said(text) == []


WARNED = [
    ("event: {name: x, count: {gte: 0}}", "a.event.count: always holds, as it is never less than 0"),
    ("bucket: {salt: s, from: 0, to: 1}", "a.bucket: everybody is in it"),
    ("regularly: {name: x, every: 30d, periods: 3, count: 0}",
     "a.regularly: asks that it never happened in 3 times 30d; shorter: event with count: 0 and within: 90d"),
    ("sequence: {first: {name: x}, then: {name: y}, within: 1d, expire_after: 1d}",
     "a.sequence.expire_after: means nothing beside `then`"),
    ("aggregate: {name: x, fn: distinct, of: y, is: {gte: 3}}",
     "a.aggregate: counts different values without a window"),
    ("aggregate: {name: x, fn: sum, of: y, since: '2026-01-01T00:00:00Z', is: {gte: 3}}",
     "a.aggregate: reckons over all time"),
    ("event: {name: x, unless: {name: y, same: order_id}}", "a.event: has `unless` without a window"),
    ("sequence: {first: {name: x}, without: {name: y}, within: 1d}", "a.sequence: holds for ever once it holds"),
    ("event: {name: email_boucned}",
     "a.event.name: no mail event is named 'email_boucned'; did you mean `email_bounced`?"),
    ("engagement: {is: {gte: 1}, weights: {email_open: 1}}",
     "a.engagement.weights: no mail event is named 'email_open'; did you mean `email_opened`?"),
    ("event: {name: email_clicked, where: {campaign: x}}",
     "a.event.where.campaign: mail events have no property 'campaign'; did you mean `campaign_id`?"),
    ("aggregate: {name: email_clicked, fn: distinct, of: link, within: 1d, is: 3}",
     "a.aggregate.of: mail events have no property 'link'; known: message_id,"),
    ("event: {name: x, where: {order_id: {in: [a, 5]}}}",
     'a.event.where.order_id: order_id is a text in events, which no number equals; write "5" in quotes'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), WARNED)
def test_what_is_hardly_meant_is_a_warning(text: str, sentence: str) -> None:
    found = said(text)
    assert len(found) == 1
    assert found[0].startswith(f"warning {sentence}")


@pytest.mark.parametrize(
    ("text", "place", "length"),
    [
        ("event: {name: x, within: 31d}", "a.event.within", "31d"),
        ("event: {name: x, between: [40d, 10d]}", "a.event.between", "40d"),
        ("regularly: {name: x, every: 7d, periods: 5}", "a.regularly.periods", "35d"),
        (
            "sequence: {first: {name: x}, without: {name: y}, within: 20d, expire_after: 11d}",
            "a.sequence.within",
            "31d",
        ),
        ("trait: {path: p, is: x, for_at_least: 31d}", "a.trait.for_at_least", "31d"),
    ],
)
def test_windows_longer_than_events_are_kept_are_warned_of(text: str, place: str, length: str) -> None:
    assert said(text) == said(text, 365) == []
    assert said(text, 30)[0].startswith(f"warning {place}: looks back {length}, but events are kept 30d")


BOUND = st.integers(0, 4)
BOUNDS = st.dictionaries(st.sampled_from(["eq", "gt", "gte", "lt", "lte"]), BOUND, min_size=1, max_size=3)


@given(BOUNDS)
def test_counts_are_called_impossible_exactly_when_no_count_fits(bounds: dict[str, int]) -> None:
    count = Count(**bounds)
    fitting = [number for number in range(9) if count.holds(number)]
    assert bool(never_amount(count, 0)) == (not fitting)
    assert always_amount(count, 0) == (fitting == list(range(9)))


VALUE = st.sampled_from([0, 1, 2, 2.0, True, False, "a", "ab", "b", "1"])
ASKED = st.fixed_dictionaries({}, optional={
    "eq": VALUE, "ne": VALUE, "in": st.lists(VALUE, min_size=1, max_size=3), "not_in": st.lists(VALUE, min_size=1),
    "gt": st.integers(0, 2), "lte": st.integers(0, 2), "starts_with": st.sampled_from("ab"), "contains": st.just("b"),
}).filter(bool)  # fmt: skip


def fits(value: Any, asked: dict[str, Any]) -> bool:
    """One value and every operator, written out."""
    is_number, is_text = isinstance(value, (int, float)) and not isinstance(value, bool), isinstance(value, str)

    def same(other: Any) -> bool:
        return value == other and isinstance(value, bool) == isinstance(other, bool)

    compare: dict[str, Callable[[Any], bool]] = {
        "eq": same, "ne": lambda bound: not same(bound),
        "in": lambda bound: any(map(same, bound)), "not_in": lambda bound: not any(map(same, bound)),
        "gt": lambda bound: is_number and value > bound, "lte": lambda bound: is_number and value <= bound,
        "starts_with": lambda bound: is_text and value.startswith(bound),
        "contains": lambda bound: is_text and bound in value,
    }  # fmt: skip
    return all(compare[name](bound) for name, bound in asked.items())


@settings(max_examples=300)
@given(ASKED)
def test_a_condition_is_called_impossible_only_when_no_value_fits(asked: dict[str, Any]) -> None:
    values = [0, 1, 1.5, 2, 2.5, -1, True, False, "a", "ab", "b", "ba", "1", "c", math.pi]
    if never_condition(Condition.model_validate(asked)):
        assert not any(fits(value, asked) for value in values)
    elif {"eq", "in"} & set(asked):
        listed = [asked["eq"]] if "eq" in asked else asked["in"]
        assert any(fits(value, asked) for value in listed)


@settings(max_examples=150, deadline=None)
@given(rules(4))
def test_every_rule_can_be_checked(rule: Rule) -> None:
    for finding in check_rule(rule, "a", 1):
        assert finding.place.startswith("a.")
        assert finding.sentence
