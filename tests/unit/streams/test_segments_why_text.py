"""What `mailweir segments explain` prints: a sentence, a tree of 80 columns, what would have to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.segments.why_data import Page, as_data
from schemas.segments.rules import Segment
from streams.commands.segments_why_text import table, tree
from streams.core.segments.why import Reason, Why
from tests.unit.streams.core.segments.histories import rule_of

AT = 1_774_569_600_000  # 2026-03-27T00:00:00Z
DAY = 86_400_000
PAGE = Page("acme", "5b1c9f0e5b1c9f0e5b1c9f0e5b1c9f0e", AT, 1_204)
LONG = {
    "event": {
        "name": "order_completed",
        "where": {"products.sku": "X-100", "coupon": {"exists": False}},
        "within": "30d",
    }
}
BUCKET = {"bucket": {"salt": "a", "from": 0, "to": 0.5}}

MEMBER = """\
In cooling since 2026-03-26 00:00:00 UTC.
Leaves on 2026-04-24 00:00:00 UTC unless something happens.
Recipient 5b1c9f0e5b1c9f0e5b1c9f0e5b1c9f0e of acme
at 2026-03-27 00:00:00 UTC, by 1,204 stored events

yes  all
yes    event: {name: order_completed, where: {products.sku: X-100,
         coupon: {exists: false}}, within: 30d}
         since 2026-03-25 00:00:00, until 2026-04-24 00:00:00
yes    last_messages: {n: 3, none: opened}
         since 2026-03-26 00:00:00

To leave, one of these must change:
  event: {name: order_completed, where: {products.sku: X-100, coupon: {exists: …
  last_messages: {n: 3, none: opened}
"""


def leaf(rule: Mapping[str, Any], *, holds: bool, since: int | None = None, until: int | None = None) -> Reason:
    return Reason(rule_of(rule), holds, since, until, is_approximate=False)


def seen(name: str, *, holds: bool) -> Reason:
    return leaf({"event": {"name": name}}, holds=holds)


def group(kind: str, below: Sequence[Reason], **times: int) -> Reason:
    """`all`, `any` or `not` of these."""
    truths = [each.holds for each in below]
    holds = {"all": all(truths), "any": any(truths), "not": not truths[0]}[kind]
    dummy: Any = {"suppressed": True}
    rule = rule_of({kind: dummy if kind == "not" else [dummy] * len(below)})
    return Reason(rule, holds, times.get("since"), times.get("until"), is_approximate=False, below=tuple(below))


def why(reason: Reason, id_: str = "cooling") -> Why:
    return Why(Segment(id=id_, tenant="acme", rule=reason.rule), reason)


def changes(reason: Reason) -> list[str]:
    """The last part of the page."""
    return tree(PAGE, why(reason)).split("\n\n")[-1].splitlines()


def test_a_member_is_told_since_when_until_when_and_why() -> None:
    bought = leaf(LONG, holds=True, since=AT - 2 * DAY, until=AT + 28 * DAY)
    mails = leaf({"last_messages": {"n": 3, "none": "opened"}}, holds=True, since=AT - DAY)
    page = tree(PAGE, why(group("all", [bought, mails], since=AT - DAY, until=AT + 28 * DAY)))
    assert page == MEMBER


def test_somebody_outside_is_told_when_time_alone_brings_them_in() -> None:
    page = tree(PAGE, why(leaf({"known_for": "30d"}, holds=False, until=AT + DAY))).splitlines()
    assert page[:2] == [
        "Not in cooling, and never was.",
        "Enters on 2026-03-28 00:00:00 UTC unless something happens.",
    ]
    assert page[-2:] == ["no   known_for: 30d", "       never so far, true from 2026-03-28 00:00:00"]


def test_where_time_does_nothing_that_is_said() -> None:
    inside = tree(PAGE, why(seen("page", holds=True))).splitlines()
    outside = tree(PAGE, why(leaf(LONG, holds=False, since=AT - DAY))).splitlines()
    assert inside[:2] == ["In cooling.", "Time alone does not end that."]
    assert inside[-1] == "       from the beginning"
    assert outside[:2] == ["Not in cooling since 2026-03-26 00:00:00 UTC.", "Time alone does not change that."]


def test_one_leaf_says_nothing_of_what_must_change() -> None:
    assert "must change" not in tree(PAGE, why(seen("page", holds=True)))


def test_to_enter_all_that_keeps_out_must_change() -> None:
    a, b, c = seen("a", holds=True), seen("b", holds=False), seen("c", holds=False)
    assert changes(group("all", [a, b])) == ["To enter, this must change:", "  event: {name: b}"]
    assert changes(group("all", [a, b, c]))[0] == "To enter, all of these must change:"
    assert changes(group("any", [b, c]))[0] == "To enter, one of these must change:"
    assert changes(group("not", [a])) == ["To enter, this must change:", "  event: {name: a}"]


def test_to_leave_all_that_keeps_in_must_change() -> None:
    a, b, c = seen("a", holds=True), seen("b", holds=True), seen("c", holds=False)
    assert changes(group("any", [a, b, c])) == [
        "To leave, all of these must change:",
        "  event: {name: a}",
        "  event: {name: b}",
    ]
    assert changes(group("any", [a, c])) == ["To leave, this must change:", "  event: {name: a}"]


def test_needs_in_needs_are_told_apart_and_those_of_one_kind_are_one_list() -> None:
    a, b, c, d = (seen(name, holds=False) for name in "abcd")
    assert changes(group("any", [group("all", [a, b]), group("any", [c, d])])) == [
        "To enter, one of these must change:",
        "  all of these:",
        "    event: {name: a}",
        "    event: {name: b}",
        "  event: {name: c}",
        "  event: {name: d}",
    ]


def test_a_bucket_is_no_way_out_and_is_said_to_be_none_in() -> None:
    assert changes(group("all", [leaf(BUCKET, holds=True), seen("a", holds=True)])) == [
        "To leave, this must change:",
        "  event: {name: a}",
    ]
    assert changes(group("all", [leaf(BUCKET, holds=False), seen("a", holds=True)])) == [
        "To enter, this must change:",
        "  bucket: {salt: a, from: 0, to: 0.5} (never does)",
    ]


def test_a_named_segments_times_stand_once() -> None:
    inner = group("all", [seen("a", holds=True), seen("b", holds=True)], since=AT)
    named = Reason(rule_of({"segment": "vip"}), holds=True, since=AT, until=None, is_approximate=False, below=(inner,))
    page = tree(PAGE, why(group("all", [named, seen("c", holds=True)], since=AT)))
    assert (
        "yes    segment: vip\n         since 2026-03-27 00:00:00\nyes      all\nyes        event: {name: a}\n" in page
    )


def test_no_line_is_longer_than_80_columns_however_deep_the_rule_is() -> None:
    values = [f"value-{number}" for number in range(300)]
    reason = leaf({"trait": {"path": "plan", "is": {"in": values}}}, holds=True, since=AT, until=AT + DAY)
    for _ in range(40):
        reason = group("not", [group("all", [reason, seen("a", holds=True)])], since=AT)
    lines = tree(PAGE, why(reason, "a" * 63)).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.endswith("…") for line in lines)


def test_what_may_be_missing_is_said_below() -> None:
    cut = Page("acme", "k", AT, 100_000, is_cut=True)
    reason = group("all", [seen("a", holds=True)._replace(is_approximate=True), seen("b", holds=True)])
    page = tree(cut, why(reason))
    assert page.endswith(
        "\n\nOnly the newest 100,000 events were read: what was before them is missing here.\n"
        "Approximate: so much happened that the oldest of it is not kept.\n"
    )
    assert "from the beginning, approximate\n" in page


def test_several_segments_are_a_table_with_members_first() -> None:
    long = "a-segment-whose-id-is-longer-than-the-column"
    whys = [
        why(leaf(LONG, holds=False), "a"),
        why(leaf(LONG, holds=True, since=AT - DAY, until=AT + DAY), long),
        why(leaf(LONG, holds=False, until=AT + DAY), "b"),
    ]
    assert (
        table(PAGE, whys)
        == f"""\
In 1 of 3 segments.
Recipient 5b1c9f0e5b1c9f0e5b1c9f0e5b1c9f0e of acme
at 2026-03-27 00:00:00 UTC, by 1,204 stored events

     segment                            since                until, by time alone
in   {long}
                                        2026-03-26 00:00:00  2026-03-28 00:00:00
out  a
out  b                                                       2026-03-28 00:00:00

`--id SEGMENT` says why.
"""
    )


def test_the_same_as_data_has_rfc_3339_times() -> None:
    found = as_data(PAGE, [why(group("all", [leaf(LONG, holds=True, since=AT + 1)], since=AT))])
    [segment] = found.pop("segments")
    assert found == {
        "tenant": "acme", "recipient_key": PAGE.recipient_key, "at": "2026-03-27T00:00:00.000Z",
        "events": 1_204, "is_cut": False,
    }  # fmt: skip
    node = segment.pop("node")
    assert segment.pop("version")
    assert segment == {
        "id": "cooling", "is_member": True, "since": "2026-03-27T00:00:00.000Z", "until": None, "is_approximate": False
    }  # fmt: skip
    assert node["nodes"][0]["since"] == "2026-03-27T00:00:00.001Z"
    assert node["nodes"][0]["rule"].startswith("event: {name: order_completed, where: {products.sku: X-100")
