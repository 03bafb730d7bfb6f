"""What is announced next: new rules are built first, what is there goes on until then."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec
import pytest

from schemas.announcements import RulesAnnounced
from schemas.journeys.canonical import as_json, from_json
from schemas.journeys.journey import Journey
from schemas.segments.canonical import rule_version
from schemas.segments.files import load_segments
from schemas.segments.rules import Segment
from streams.core.segments.announced import (
    Wanted,
    built,
    next_rules,
    packed,
    packed_journeys,
    past_of,
    program_of,
    statuses,
    unpacked,
    unpacked_journeys,
)

EXAMPLES = load_segments([Path(__file__).resolve().parents[5] / "examples" / "segments"])


def rule(id_: str, within: str = "30d", **other: object) -> Segment:
    return Segment.model_validate(
        {"id": id_, "tenant": "acme", "rule": other or {"event": {"name": "order_completed", "within": within}}}
    )


def ids(data: bytes) -> list[tuple[str, str]]:
    return [(each.id, rule_version(each)) for each in unpacked(data)]


def said(*segments: Segment) -> list[tuple[str, str]]:
    return [(each.id, rule_version(each)) for each in segments]


def after(last: RulesAnnounced | None, *wanted: Segment, has_past: bool = True, now: int = 1_000) -> RulesAnnounced:
    found = next_rules("acme", last, Wanted(wanted), now, has_past=has_past)
    assert found is not None
    return found


def is_quiet(last: RulesAnnounced | None, *wanted: Segment, has_past: bool = True) -> bool:
    return next_rules("acme", last, Wanted(wanted), 9_000, has_past=has_past) is None


def test_rules_that_were_packed_mean_the_same() -> None:
    found = unpacked(packed(EXAMPLES))
    assert sorted(said(*found)) == sorted(said(*EXAMPLES))
    assert packed(reversed(EXAMPLES)) == packed(EXAMPLES)
    assert (packed([]), unpacked(b"")) == (b"", ())
    of_tomorrow = '{"id":"a","tenant":"acme","rule":{"event":{"name":["x"],"within":"1moon"}}}'
    with pytest.raises(ValueError, match="1moon"):
        unpacked(zlib.compress(msgspec.msgpack.encode([of_tomorrow])))


def test_new_segments_are_built_and_then_live() -> None:
    assert is_quiet(None)
    first = after(None, rule("a"), rule("b"))
    assert (first.live, ids(first.building)) == (b"", said(rule("a"), rule("b")))
    assert is_quiet(first, rule("b"), rule("a"))
    live = built(first, 500)
    assert (live.number, ids(live.live), live.building) == (1_001, said(rule("a"), rule("b")), b"")
    assert is_quiet(live, rule("a"), rule("b"))


def test_a_changed_segment_goes_on_as_it_was_until_it_is_built() -> None:
    live = built(after(None, rule("a"), rule("b")), 2_000)
    change = after(live, rule("a", "60d"), rule("b"), now=3_000)
    assert ids(change.live) == said(rule("a"), rule("b"))
    assert ids(change.building) == said(rule("a", "60d"))
    assert is_quiet(change, rule("a", "60d"), rule("b"))
    assert ids(built(change, 4_000).live) == said(rule("a", "60d"), rule("b"))
    back = after(change, rule("a"), rule("b"), now=10)
    assert (back.number, ids(back.live), back.building) == (3_001, said(rule("a"), rule("b")), b"")


def test_what_is_gone_ends_at_once_unless_something_that_goes_on_names_it() -> None:
    names_b = rule("a", segment="b")
    live = built(after(None, names_b, rule("b"), rule("c")), 2_000)
    without_c = after(live, names_b, rule("b"))
    assert (ids(without_c.live), without_c.building) == (said(names_b, rule("b")), b"")
    change = after(live, rule("a"), now=3_000)
    assert (ids(change.live), ids(change.building)) == (said(names_b, rule("b")), said(rule("a")))
    done = built(change, 4_000)
    assert ids(done.live) == said(rule("a"), rule("b"))
    assert ids(after(done, rule("a")).live) == said(rule("a"))
    nobody = after(done)
    assert (nobody.live, nobody.building) == (b"", b"")
    assert is_quiet(nobody)


def test_without_a_past_everything_is_live_at_once() -> None:
    first = after(None, rule("a"), has_past=False)
    assert (ids(first.live), first.building) == (said(rule("a")), b"")
    assert is_quiet(first, rule("a"), has_past=False)
    waiting = after(first, rule("a"), rule("b"))
    assert ids(after(waiting, rule("a"), rule("b"), has_past=False).live) == said(rule("a"), rule("b"))


def test_statuses_say_what_changed_and_nothing_else() -> None:
    first = after(None, rule("a"), rule("b"))
    live = built(first, 2_000)
    change = after(live, rule("a", "60d"))

    def changes(last: RulesAnnounced | None, rules: RulesAnnounced) -> list[tuple[str, str, str]]:
        found = statuses(last, rules, 77)
        assert {(each.tenant, each.since) for each in found} <= {("acme", 77)}
        return sorted((each.segment_id, each.status, each.rule_version) for each in found)

    old, new = (rule_version(rule("a", within)) for within in ("30d", "60d"))
    assert changes(None, first) == [("a", "building", old), ("b", "building", old)]
    assert changes(first, live) == [("a", "live", old), ("b", "live", old)]
    assert changes(live, change) == [("a", "building", new), ("b", "ended", old)]
    assert changes(change, built(change, 3_000)) == [("a", "ended", old), ("a", "live", new)]
    assert changes(live, live) == []


def test_what_is_being_built_is_kept_and_not_asked() -> None:
    live, new = (
        [rule("a")],
        [
            rule("a", "60d"),
            rule("c", aggregate={"name": "paid", "fn": "sum", "of": "x", "within": "5d", "is": {"gte": 1}}),
        ],
    )
    alone, both = program_of(packed(live), b""), program_of(packed(live), packed(new))
    assert [each.id for each in both.segments] == ["a"]
    assert both.code == alone.code
    assert both.names - alone.names == {"paid"}
    past = past_of(RulesAnnounced(tenant="acme", number=1, live=packed(live), building=packed(new)))
    assert (set(past.names), past.reach_ms()) == ({"order_completed", "paid"}, 60 * 86_400_000)
    endless = [rule("d", trait={"path": "plan", "is": "pro"})]
    assert program_of(b"", packed(endless)).reach_ms() is None


def journey(id_: str = "j", waits: str = "2h", asks: str = '{"segment": "a"}') -> Journey:
    steps = f'[{{"wait": "{waits}"}}, {{"branch": {{"if": {asks}, "then": [{{"wait": "1d"}}]}}}}]'
    enter = '{"event": {"name": "checkout_started"}}'
    return from_json(f'{{"id": "{id_}", "tenant": "acme", "enter": {enter}, "steps": {steps}}}')


OWN = '{"event": {"name": "paid", "within": "9d"}}'


def going(last: RulesAnnounced | None, *journeys: Journey, has_past: bool = True) -> RulesAnnounced:
    found = next_rules("acme", last, Wanted([rule("a")], journeys), 1_000, has_past=has_past)
    assert found is not None
    return found


def walks(data: bytes) -> list[Journey]:
    return list(unpacked_journeys(data))


def in_order(data: bytes) -> list[str]:
    return sorted(map(as_json, unpacked_journeys(data)))


def test_a_journey_waits_until_what_it_asks_for_is_built() -> None:
    new = journey(asks=OWN)
    first = going(None, new)
    assert (walks(first.journeys), len(unpacked(first.building))) == ([], 2)
    assert next_rules("acme", first, Wanted([rule("a")], [new]), 9_000, has_past=True) is None
    live = going(built(first, 500), new)
    assert (walks(live.journeys), live.building) == ([new], b"")
    assert program_of(live.live, b"").names == {"order_completed", "paid"}
    assert [each.segment_id for each in statuses(None, live, 5)] == ["a"], "a journey's own rule is nobody's business"
    assert next_rules("acme", live, Wanted([rule("a")], [new]), 9_000, has_past=True) is None
    assert walks(going(None, new, has_past=False).journeys) == [new]


def test_of_a_changed_journey_the_version_before_stays_until_the_journey_is_gone() -> None:
    live = going(built(going(None, journey(asks=OWN)), 1), journey(asks=OWN))
    changed = going(live, journey(waits="5h"))
    assert (walks(changed.journeys), walks(changed.earlier)) == ([journey(waits="5h")], [journey(asks=OWN)])
    assert program_of(changed.live, b"").names == {"order_completed", "paid"}, "runs of it still ask"
    again = going(changed, journey(waits="6h"))
    assert in_order(again.earlier) == in_order(packed_journeys([journey(waits="5h"), journey(asks=OWN)]))
    back = going(again, journey(asks=OWN))
    assert in_order(back.earlier) == in_order(packed_journeys([journey(waits=each) for each in ("5h", "6h")]))
    gone = going(back, journey("other"))
    assert (walks(gone.journeys), walks(gone.earlier)) == ([journey("other")], [])
    assert program_of(gone.live, b"").names == {"order_completed"}


def test_a_journey_that_is_gone_ends_though_something_is_being_built() -> None:
    live = going(built(going(None, journey()), 1), journey())
    change = next_rules("acme", live, Wanted([rule("a", "60d")]), 9_000, has_past=True)
    assert change is not None
    assert (walks(change.journeys), len(unpacked(change.building))) == ([], 1)
