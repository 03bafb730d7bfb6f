"""What a newcomer gets wrong: each mistake is answered by a sentence with its place, which says how to mend it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.segments.checks import check
from schemas.segments.findings import Finding
from schemas.segments.phrases import NODE_EXAMPLES
from schemas.segments.rules import NODES, Segment
from schemas.segments.sentences import parse_segment
from schemas.segments.texts import read_yaml

BESIDE = "stand beside each other; put them in a list under all: (each must hold) or any: (one is enough): all:"
MISTAKES = [
    # nodes: misspelled, missing, beside each other, in the wrong place
    ("evnt: {name: page}", "error: `lapsed.evnt`: no such node; did you mean `event`?"),
    ("all: [{evnt: {name: page}}]", "error: `lapsed.all[0].evnt`: no such node; did you mean `event`?"),
    ("and: [{event: {name: page}}]", "error: `lapsed.and`: no such node; did you mean `all`?"),
    ("event: {name: page}\nnot: {event: {name: order_completed}}",
     f"error: `lapsed`: `event` and `not` {BESIDE} [{{event: ...}}, {{not: ...}}]"),
    ("any: [{event: {name: page}, suppressed: false}]",
     f"error: `lapsed.any[0]`: `event` and `suppressed` {BESIDE} [{{event: ...}}, {{suppressed: ...}}]"),
    ("all:\n  event: {name: page}\n  suppressed: false",
     "error: `lapsed.all`: expected a list, found keys; begin each node below it with `- `"),
    ("all: []", "error: `lapsed.all`: is empty; write for example all: [{event: {name: page}}, {suppressed: false}]"),
    ("not: [{event: {name: page}}]",
     ("error: `lapsed.not`: expected one node, found a list; put it under all: (each must hold) or any: (one is"
      " enough): not: {any: [...]}")),
    ("event: {name: page}\nwithin: 30d",
     "error: `lapsed.within`: belongs to `event`; indent it so that it stands below it: event: {within: 30d}"),
    ("event:\nname: page",
     "error: `lapsed.name`: belongs to `event`; indent it so that it stands below it: event: {name: page}"),
    ("name: page\nwithin: 30d",
     ("error: `lapsed`: `name` and `within` without a node; write for example"
      " event: {name: order_completed, within: 30d}")),
    ("description: nothing else",
     ("error: `lapsed`: has no rule; write a node beside id, such as event: {name: order_completed, within: 30d}")),
    ("all: [{id: other, event: {name: page}}]",
     ("error: `lapsed.all[0]`: a segment cannot be defined inside of a rule; write it by itself, and here"
      " segment: ITS-ID")),
    ("rule: {event: {name: page}}\nnot: {suppressed: true}",
     ("error: `lapsed.not`: stands beside `rule`; put both in a list under all: (each must hold) or any: (one is"
      " enough)")),
    # lengths of time and instants
    ("event: {name: page, within: 30}",
     "error: `lapsed.event.within`: 30 has no unit; write a number with s, m, h, d or w, such as 30d"),
    ("event: {name: page, within: 30 days}",
     "error: `lapsed.event.within`: '30 days' is not how lengths of time are written; write 30d"),
    ("event: {name: page, within: 1 month}",
     ("error: `lapsed.event.within`: '1 month' has no fixed length; write days, such as 30d or 365d (a day is 24"
      " hours)")),
    ("event: {name: page, within: }", "error: `lapsed.event.within`: has no value; write one, or leave the key out"),
    ("event: {name: page, since: 30d}",
     "error: `lapsed.event.since`: '30d' is a length of time, no instant; for the last 30d write within: 30d"),
    ("rule: {event: {name: page, since: 2026-01-01}}",
     ("error: `lapsed.rule.event.since`: 2026-01-01 names no instant without a time and a zone; write for example"
      " 2026-01-01T00:00:00Z (Z is UTC)")),
    ("event: {name: page, since: 20260101}",
     ("error: `lapsed.event.since`: '20260101' is no instant; write date, time and zone, such as"
      " 2026-01-31T00:00:00Z")),
    ("event: {name: page, between: [30d, 90d]}",
     "error: `lapsed.event`: between begins with the longer time, such as [90d, 30d]: from 90 to 30 days ago"),
    ("event: {name: page, within: 30d, since: '2026-01-01T00:00:00Z'}",
     "error: `lapsed.event`: within and since contradict each other; keep one of them"),
    # numbers and operators
    ("event: {name: page, count: '>= 3'}", "error: `lapsed.event.count`: '>= 3' is text; write count: {gte: 3}"),
    ("event: {name: page, count: {'>': 3}}", "error: `lapsed.event.count.\">\"`: no such key here; write `gt`"),
    ("event: {name: page, count: 2.5}",
     "error: `lapsed.event.count.eq`: 2.5 is no count; write a whole number from 0 to 1000"),
    ("event: {name: page, count: {gte: 5, lt: 3}}",
     ("error: `lapsed.event.count`: can never hold: `gte: 5` and `lt: 3` leave nothing between them; keep one, or mend"
      " it")),
    ("bucket: {salt: test, from: 0, to: 50}",
     "error: `lapsed.bucket.to`: is too large; the most is 1; for 50 percent write 0.5"),
    ("anniversary: {trait: birthday, days_before: 7d}",
     "error: `lapsed.anniversary.days_before`: expected a whole number, found the text '7d'; write 7"),
    # conditions
    ("event: {name: page, where: [price >= 100]}",
     ("error: `lapsed.event.where`: expected keys with values, found a list; write for example"
      " where: {products.sku: X-100, total: {gte: 50}}")),
    ("event: {name: page, where: {price >= 100}}",
     "error: `lapsed.event.where.\"price >= 100\"`: a comparison is written with a colon: price: {gte: 100}"),
    ("event: {name: page, where: {price: {gte: '100'}}}",
     "error: `lapsed.event.where.price.gte`: '100' is text; take the quotes away: gte: 100"),
    ("event: {name: page, where: {products: {sku: X-100}}}",
     ("error: `lapsed.event.where.products.sku`: no such operator; a key further in is written with a dot:"
      " products.sku; known: eq, ne, in, not_in, gt, gte, lt, lte, contains, starts_with, ends_with, before, after,"
      " near, exists")),
    ("event: {name: page, where: {sku: [A, B]}}",
     "error: `lapsed.event.where.sku`: found a list; for one of several values write {in: [A, B]}"),
    ("event: {name: page, where: {country: {in: DE}}}",
     "error: `lapsed.event.where.country.in`: expected a list, found the text 'DE'; write in: [DE]"),
    ("event: {name: page, where: {sku: 123}}",
     ("warning: `lapsed.event.where.sku`: sku is a text in events, which no number equals; write \"123\" in quotes")),
    ("event: {name: page, where: {within: 30d}}",
     ("warning: `lapsed.event.where.within`: asks for a property named within; if the event's `within` is meant, move"
      " it out of `where`")),
    ("trait: {path: country, is: [DE, FR]}",
     "error: `lapsed.trait.is`: found a list; for one of several values write {in: [DE, FR]}"),
    # names
    ("event: {name: Order Completed}",
     ("error: `lapsed.event.name`: 'Order Completed' is no name of an event; names are small letters, digits and _:"
      " write order_completed")),
    ("event: order_completed",
     ("error: `lapsed.event`: expected keys with values, found the text 'order_completed'; write"
      " event: {name: order_completed}")),
    ("event: {event: page}", "error: `lapsed.event.event`: no such key here; write `name`"),
    ("event: {nmae: page}", "error: `lapsed.event.nmae`: no such key here; did you mean `name`?"),
    ("event: {name: page, fn: sum}",
     ("error: `lapsed.event.fn`: `event` has no such key, `aggregate` has; known here: within, between, since, before,"
      " name, where, unless, count")),
    ("event: {name: email_open}",
     "warning: `lapsed.event.name`: no mail event is named 'email_open'; did you mean `email_opened`?"),
    ("event: {name: email_bounced, where: {bounce_permanence: soft}}",
     ("warning: `lapsed.event.where.bounce_permanence`: 'soft' is no bounce_permanence; known: permanent, transient,"
      " unknown")),
    ("id: Lapsed Buyers\nevent: {name: page}",
     ("error: `Lapsed Buyers.id`: 'Lapsed Buyers' is no id of a segment; write small letters, digits, - and _, such as"
      " lapsed-buyers")),
    ("title: Lapsed\nevent: {name: page}", "error: `lapsed.title`: a segment has no such key; write `description`"),
    # what single nodes take
    ("last_messages: 3",
     ("error: `lapsed.last_messages`: expected keys with values, found the number 3; write for example"
      " last_messages: {n: 3, category: marketing, none: opened}")),
    ("last_messages: {last: 3, none: opened}", "error: `lapsed.last_messages.last`: no such key here; write `n`"),
    ("last_messages: {n: 3, none: open}",
     "error: `lapsed.last_messages.none[0]`: 'open' is not known; did you mean `opened`?"),
    ("aggregate: {name: order_completed, fn: total, of: revenue, within: 30d, is: {gte: 5}}",
     "error: `lapsed.aggregate.fn`: the text 'total' is not known; write sum"),
    ("aggregate: {name: order_completed, fn: sum, within: 30d, is: {gte: 5}}",
     "error: `lapsed.aggregate`: `of` is missing; add for example of: revenue"),
    ("sequence: {first: checkout_started, without: {name: order_completed}, within: 2h, expire_after: 1d}",
     ("error: `lapsed.sequence.first`: expected keys with values, found the text 'checkout_started'; write"
      " first: {name: checkout_started}")),
    ("consent: {purpose: marketing, is: yes}",
     "error: `lapsed.consent.is`: the text 'yes' is not known; write granted"),
    ("suppressed: no", "error: `lapsed.suppressed`: expected true or false, found the text 'no'; write false"),
    ("segment: [vip, new]",
     "error: `lapsed.segment`: names one segment; for several write any: [{segment: vip}, {segment: new}]"),
    ("segment: lapsd", "error: `lapsed.segment`: no segment has the id 'lapsd'; write one"),
]  # fmt: skip


def found(text: str) -> list[Finding]:
    data = {"id": "lapsed", "tenant": "acme", **read_yaml(text)}
    read = parse_segment(data, "segment")
    return check([(read, "")]) if isinstance(read, Segment) else read


@pytest.mark.parametrize(("text", "sentence"), MISTAKES, ids=[text[:50] for text, _ in MISTAKES])
def test_a_typical_mistake_is_answered_by_one_sentence_that_mends_it(text: str, sentence: str) -> None:
    assert [str(finding) for finding in found(text)] == [sentence]


def test_all_mistakes_of_a_segment_are_told_at_once() -> None:
    places = [finding.place for finding in found("all: [{evnt: {}}, {event: {name: page, within: 5}}, {known_for: 3}]")]
    assert places == ["lapsed.all[0].evnt", "lapsed.all[1].event.within", "lapsed.all[2].known_for"]


@pytest.mark.parametrize("kind", NODES)
def test_the_example_that_messages_give_of_a_node_is_valid(kind: str) -> None:
    data = {"id": "a", "tenant": "acme", **read_yaml(NODE_EXAMPLES[kind])}
    assert isinstance(parse_segment(data, "a"), Segment)


def test_what_is_no_segment_at_all_is_said_too() -> None:
    said = parse_segment("event", "segments[3]")
    assert isinstance(said, list)
    assert str(said[0]).startswith("error: `segments[3]`: the text 'event' is no segment; write keys")


def test_rules_that_are_too_deep_or_too_large_are_refused() -> None:
    deep: dict[str, Any] = {"suppressed": True}
    for _ in range(100):
        deep = {"not": deep}
    wide = {"any": [{"all": [{"known_for": f"{day}d"} for day in range(1, 100)]} for _ in range(3)]}
    for rule, why in ((deep, "nested deeper than 60"), (wide, "has 301 nodes, more than 200")):
        said = parse_segment({"id": "a", "tenant": "acme", "rule": rule}, "a")
        assert isinstance(said, list)
        assert why in said[0].sentence


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["30d", "page", "30 days", ">= 3", "recipient", *NODES]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([*NODES, "name", "is", "of", "where", "within", "n", "none", "same", "count", "gte", "x"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(list(NODES)), VALUES)
def test_whatever_stands_below_a_node_is_a_rule_or_said_with_a_place(kind: str, value: Any) -> None:
    read = parse_segment({"id": "lapsed", "tenant": "acme", kind: value}, "lapsed")
    if isinstance(read, list):
        assert read
        assert all(finding.place.startswith("lapsed") and len(finding.sentence) > 10 for finding in read)
        assert not any("Input should" in finding.sentence for finding in read)
    else:
        check([(read, "")], 30)
