"""What rules mean, case by case, as the reference says it: at the boundaries, and where something is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from schemas.segments.rules import Rule
from streams.core.segments.fact import Fact
from tests.unit.streams.core.segments.brute import holds

HOUR = 3_600_000
DAY = 24 * HOUR
T = 1_000 * DAY  # 1972-09-27
RULES: TypeAdapter[Rule] = TypeAdapter(Rule)


def fact(name: str = "buy", at: int = T, *, id: str = "", known_at: int = 0, **properties: Any) -> Fact:  # noqa: A002
    return Fact(id or f"{name}-{at}-{len(properties)}", name, at, known_at, properties, {})


def traits(at: int = T - DAY, **found: Any) -> Fact:
    return Fact(f"identify-{at}", "identify", at, 0, {}, found)


def mail(kind: str, message: str, at: int = T - DAY, **properties: Any) -> Fact:
    return fact(f"email_{kind}", at, id=f"{kind}-{message}-{at}", message_id=message, **properties)


def is_in(rule: dict[str, Any], *facts: Fact, now: int = T, segments: dict[str, Any] | None = None) -> bool:
    others = {key: RULES.validate_python(each) for key, each in (segments or {}).items()}
    known = Fact("known", "known", 0, 0, {}, {})
    return holds(RULES.validate_python(rule), "someone", [known, *facts], now, others)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("window", "at", "expected"),
    [
        ({"within": "1d"}, T, True),
        ({"within": "1d"}, T - DAY + 1, True),
        ({"within": "1d"}, T - DAY, False),
        ({"between": ["2d", "1d"]}, T - DAY, True),
        ({"between": ["2d", "1d"]}, T - DAY + 1, False),
        ({"between": ["2d", "1d"]}, T - 2 * DAY, False),
        ({"since": "1972-09-26T00:00:00Z"}, T - DAY, True),
        ({"since": "1972-09-26T00:00:00Z"}, T - DAY - 1, False),
        ({"before": "1972-09-26T00:00:00Z"}, T - DAY - 1, True),
        ({"before": "1972-09-26T00:00:00Z"}, T - DAY, False),
        ({}, 0, True),
        ({}, T + 1, False),
    ],
)
def test_a_window_is_half_open_and_the_future_has_not_happened(window: dict[str, Any], at: int, expected: bool) -> None:
    assert is_in({"event": {"name": "buy", **window}}, fact(at=at)) is expected


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        (5, 5, True),
        (5, 5.0, True),
        (5, "5", False),
        (1, True, False),
        (True, True, True),
        (True, 1, False),
        ("a", "A", False),
        ("a", ["b", "a"], True),
        ("a", [["a"]], False),
        ({"ne": "a"}, ["b", "a"], False),
        ({"ne": "a"}, None, True),
        ({"ne": 1}, True, True),
        ({"not_in": ["a", 2]}, 2.0, False),
        ({"in": ["a", 2]}, 2, True),
        ({"gt": 5}, 5, False),
        ({"gte": 5, "lt": 6}, [4, 7], False),
        ({"gte": 5, "lt": 6}, [4, 5.5], True),
        ({"gt": 0}, True, False),
        ({"gt": 0}, "1", False),
        ({"contains": "b"}, "abc", True),
        ({"contains": "B"}, "abc", False),
        ({"starts_with": "a"}, 5, False),
        ({"ends_with": "c"}, "abc", True),
        ({"exists": True}, None, False),
        ({"exists": True}, [], False),
        ({"exists": True}, [None], False),
        ({"exists": True}, {}, True),
        ({"exists": True}, "", True),
        ({"exists": False, "ne": 1}, None, True),
        ({"after": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00Z", False),
        ({"after": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00.001Z", True),
        ({"before": "2026-01-01T00:00:00Z"}, "2026-01-01T00:30:00+01:00", True),
        ({"before": "2026-01-02T00:00:00Z"}, "2026-01-01", True),
        ({"before": "2026-01-02T00:00:00Z"}, "2026-02-30", False),
        ({"after": "2001-01-01T00:00:00Z"}, 1_000_000_000, True),
        ({"after": "2001-01-01T00:00:00Z"}, 1_000_000_000_000, True),
        ({"after": "2001-09-10T00:00:00Z"}, 1_000_000_000, False),
        ({"near": {"lat": 52.5, "lon": 13.4, "km": 300}}, {"lat": 53.55, "lon": 10.0}, True),
        ({"near": {"lat": 52.5, "lon": 13.4, "km": 200}}, {"lat": 53.55, "lon": 10.0}, False),
        ({"near": {"lat": 52.5, "lon": 13.4, "km": 300}}, {"lat": "53.55", "lon": 10.0}, False),
    ],
)
def test_a_condition_fits_values_of_its_type(condition: Any, value: Any, expected: bool) -> None:
    assert is_in({"event": {"name": "buy", "where": {"x": condition}}}, fact(x=value)) is expected


def test_a_path_goes_through_lists_of_objects_and_nothing_else() -> None:
    bought = fact(products=[{"sku": "a"}, {"sku": "b"}, "c"], nested=[[{"sku": "d"}]])
    assert is_in({"event": {"name": "buy", "where": {"products.sku": "b"}}}, bought)
    assert not is_in({"event": {"name": "buy", "where": {"products.0.sku": "a"}}}, bought)
    assert not is_in({"event": {"name": "buy", "where": {"nested.sku": "d"}}}, bought)
    assert is_in({"event": {"name": "buy", "where": {"products.sku.x": {"exists": False}}}}, bought)


def test_an_event_counts_once_as_it_was_known_first() -> None:
    first, again = fact(id="1", known_at=1, x=1), fact(id="1", known_at=2, x=2)
    assert is_in({"event": {"name": "buy", "count": 1}}, again, first)
    assert is_in({"event": {"name": "buy", "where": {"x": 1}}}, again, first)
    assert not is_in({"event": {"name": "buy"}}, fact(known_at=T + 1))


def test_who_has_no_fact_yet_fits_no_rule() -> None:
    rule = RULES.validate_python({"not": {"event": {"name": "buy"}}})
    assert not holds(rule, "someone", [], T)
    assert not holds(rule, "someone", [fact("other", T + 1)], T)
    assert holds(rule, "someone", [fact("other", T)], T)


def test_what_is_taken_back_did_not_happen() -> None:
    rule = {"event": {"name": "buy", "within": "1d", "unless": {"name": ["refund", "buy"], "same": "order"}}}
    assert not is_in(rule, fact(order=1), fact("refund", T - 9 * DAY, order=1.0))
    assert is_in(rule, fact(order=1), fact("refund", order="1"))
    assert is_in(rule, fact(order=1), fact("refund", T + 1, order=1))
    assert is_in(rule, fact(), fact("refund"))
    assert is_in(rule, fact(order={"a": 1}), fact("refund", order={"a": 1}))
    assert not is_in(rule, fact(order=1, id="1"), fact(order=1, id="2"))


def test_the_first_and_the_latest_are_picked_before_they_are_asked() -> None:
    bought = [fact(at=T - 2 * DAY, x=1), fact(at=T, x=2)]
    assert is_in({"first": {"name": "buy", "where": {"x": 1}}}, *bought)
    assert not is_in({"first": {"name": "buy", "where": {"x": 2}}}, *bought)
    assert is_in({"first": {"name": "buy", "where": {"x": 2}, "within": "1d"}}, *bought)
    assert is_in({"latest": {"name": "buy", "where": {"x": 2}}}, *bought)
    assert not is_in({"latest": {"name": "other"}}, *bought)


@pytest.mark.parametrize(
    ("fn", "bounds", "expected"),
    [
        ("sum", {"eq": 0.6}, True),
        ("sum", {"gt": 0.6}, False),
        ("avg", {"eq": 0.2}, True),
        ("min", {"eq": 0.1}, True),
        ("max", {"lte": 0.3}, True),
        ("distinct", {"eq": 5}, True),
    ],
)
def test_numbers_are_exact_to_a_millionth(fn: str, bounds: dict[str, float], expected: bool) -> None:
    given = [0.1, 0.2, [0.3, 9], "0.5", True, None, {}]
    bought = [fact(id=str(place), x=value) for place, value in enumerate(given)]
    assert is_in({"aggregate": {"name": "buy", "fn": fn, "of": "x", "is": bounds}}, *bought) is expected


@pytest.mark.parametrize("fn", ["avg", "min", "max"])
def test_of_nothing_there_is_a_sum_but_no_mean(fn: str) -> None:
    assert is_in({"aggregate": {"name": "buy", "fn": "sum", "of": "x", "is": 0}}, fact(x="1"))
    assert is_in({"aggregate": {"name": "buy", "fn": "distinct", "of": "x", "is": 0}}, fact(x=None))
    assert not is_in({"aggregate": {"name": "buy", "fn": fn, "of": "x", "is": {"lt": 1}}}, fact(x="1"))


def test_regularly_means_in_every_stretch_back_from_now() -> None:
    rule = {"regularly": {"name": "buy", "every": "1d", "periods": 2}}
    assert is_in(rule, fact(at=T - DAY + 1), fact(at=T - DAY))
    assert not is_in(rule, fact(at=T - DAY), fact(at=T - 2 * DAY))


def test_a_sequence_needs_the_second_later_and_in_time() -> None:
    rule = {"sequence": {"first": {"name": "cart"}, "then": {"name": "buy"}, "same": "id", "within": "1h"}}
    assert is_in(rule, _cart(T - HOUR, 1), _buy(T, 1.0))
    assert not is_in(rule, _cart(T - HOUR - 1, 1), _buy(T, 1))
    assert not is_in(rule, _cart(T, 1), _buy(T, 1))
    assert not is_in(rule, _cart(T - 1, 1), _buy(T, 2))
    assert not is_in(rule, _cart(T - 1, None), _buy(T, None))


def _cart(at: int, key: Any) -> Fact:
    return Fact(f"cart-{at}", "cart", at, 0, {"id": key}, {})


def _buy(at: int, key: Any) -> Fact:
    return Fact(f"buy-{at}", "buy", at, 0, {"id": key}, {})


def test_what_did_not_follow_is_known_when_its_time_is_over() -> None:
    rule = {"sequence": {"first": {"name": "cart"}, "without": {"name": "buy"}, "within": "1h", "expire_after": "1d"}}
    assert is_in(rule, _cart(T - HOUR, 1))
    assert not is_in(rule, _cart(T - HOUR + 1, 1))
    assert is_in(rule, _cart(T - HOUR - DAY + 1, 1))
    assert not is_in(rule, _cart(T - HOUR - DAY, 1))
    assert not is_in(rule, _cart(T - HOUR, 1), _buy(T, 1))
    assert is_in(rule, _cart(T - HOUR - 1, 1), _buy(T, 1))


def test_who_did_not_open_the_last_messages_was_sent_them() -> None:
    rule = {"last_messages": {"n": 2, "none": "opened", "mature_after": "1d"}}
    sent = [mail("delivered", "a", T - 3 * DAY), mail("delivered", "b", T - 2 * DAY), mail("delivered", "c", T - DAY)]
    assert is_in(rule, *sent)
    assert is_in(rule, *sent, mail("opened", "a", T))
    assert is_in(rule, *sent, mail("opened_machine", "c", T))
    assert not is_in(rule, *sent, mail("opened", "b", T))
    assert is_in(rule, *sent, mail("delivered", "d", T - DAY + 1), mail("opened", "d", T))
    assert not is_in(rule, sent[0])
    assert is_in(rule | {"last_messages": rule["last_messages"] | {"fewer": True}}, sent[0])
    assert not is_in(rule | {"last_messages": rule["last_messages"] | {"fewer": True}})


def test_messages_of_a_category_are_those_of_the_stream_or_with_the_tag() -> None:
    rule = {"last_messages": {"n": 1, "category": "news", "all": ["clicked", "opened_any"]}}
    assert is_in(rule, mail("delivered", "a", stream="news"), mail("clicked", "a"))
    assert is_in(rule, mail("delivered", "a", tags=["x", "news"]), mail("opened_machine", "a"))
    assert not is_in(rule, mail("delivered", "a", stream="other"), mail("clicked", "a"))
    assert not is_in(rule, mail("delivered", "", stream="news"), mail("clicked", ""))


def test_a_trait_is_as_it_was_set_last() -> None:
    rule = {"trait": {"path": "plan", "is": "trial"}}
    assert is_in(rule, traits(T - 2, plan="paid"), traits(T - 1, plan="trial"), traits(T, other=1))
    assert not is_in(rule, traits(T - 2, plan="trial"), traits(T - 1, plan=None))
    assert is_in({"trait": {"path": "plan", "is": {"exists": False}}}, traits(T - 1, plan=None))
    assert is_in({"trait": {"path": "plan", "is": {"ne": "trial"}}})
    assert not is_in({"trait": {"path": "a.b", "is": 1}}, traits(T - 2, a={"b": 1}), traits(T - 1, a={"c": 1}))


def test_a_trait_has_fitted_since_its_last_break() -> None:
    rule = {"trait": {"path": "plan", "is": "trial", "for_at_least": "1d"}}
    assert is_in(rule, traits(T - DAY, plan="trial"), traits(T - 1, plan="trial"))
    assert not is_in(rule, traits(T - DAY + 1, plan="trial"))
    assert not is_in(rule, traits(T - 2 * DAY, plan="trial"), traits(T - 2, plan="x"), traits(T - 1, plan="trial"))
    assert is_in({"trait": {"path": "plan", "is": {"ne": "x"}, "for_at_least": "999d"}}, traits(T - 1, plan="trial"))


@pytest.mark.parametrize(
    ("asked", "offset", "expected"),
    [
        ({"in_next": "1d"}, DAY, True),
        ({"in_next": "1d"}, DAY + 1, False),
        ({"in_next": "1d"}, 0, False),
        ({"in_last": "1d"}, 0, True),
        ({"in_last": "1d"}, -DAY, False),
        ({"over": "1d"}, -DAY, True),
        ({"over": "1d"}, -DAY + 1, False),
        ({"ahead": "1d"}, DAY + 1, True),
        ({"ahead": "1d"}, DAY, False),
    ],
)
def test_dates_are_relative_to_now(asked: dict[str, str], offset: int, expected: bool) -> None:
    text = datetime.fromtimestamp((T + offset) / 1_000, UTC).isoformat(timespec="milliseconds")
    assert is_in({"date": {"trait": "renewal", **asked}}, traits(renewal=text)) is expected
    assert not is_in({"date": {"trait": "renewal", **asked}}, traits(renewal="soon"))


@pytest.mark.parametrize(
    ("born", "now", "asked", "expected"),
    [
        ("1990-05-17", "2026-05-17T00:00", {}, True),
        ("1990-05-17", "2026-05-16T23:59:59.999", {}, False),
        ("1990-05-17", "2026-05-18T00:00", {}, False),
        ("1990-05-17T23:00:00-05:00", "2026-05-17T12:00", {}, True),
        ("1990-05-17", "2026-05-10T00:00", {"days_before": 7}, True),
        ("1990-05-17", "2026-05-19T23:59", {"days_after": 2}, True),
        ("1990-01-01", "2025-12-31T12:00", {"days_before": 1}, True),
        ("1989-12-31", "2026-01-01T12:00", {"days_after": 1}, True),
        ("2000-02-29", "2026-02-28T12:00", {}, True),
        ("2000-02-29", "2024-02-28T12:00", {}, False),
        ("2000-02-29", "2024-02-29T12:00", {}, True),
        ("2000-02-29", "2023-03-01T12:00", {}, False),
        ("2030-05-17", "2026-05-17T12:00", {}, True),
        ("1990-05-17", "2026-05-16T22:30", {"zone": "Europe/Berlin"}, True),
        ("1990-05-17", "2026-05-16T22:30", {"zone": "recipient"}, False),
    ],
)
def test_anniversaries_are_days_of_a_zone(born: str, now: str, asked: dict[str, Any], expected: bool) -> None:
    assert is_in({"anniversary": {"trait": "born", **asked}}, traits(1, born=born), now=ms(now)) is expected


def test_the_zone_may_be_the_recipients() -> None:
    rule = {"anniversary": {"trait": "born", "zone": "recipient"}}
    now = ms("2026-05-16T22:30")
    assert is_in(rule, traits(1, born="1990-05-17", time_zone="Europe/Berlin"), now=now)
    assert not is_in(rule, traits(1, born="1990-05-17", time_zone="Mars/Olympus"), now=now)


def test_consent_is_the_newest_word_on_a_purpose() -> None:
    granted = {"consent": {"purpose": "marketing", "is": "granted"}}
    assert is_in({"consent": {"purpose": "marketing", "is": "unknown"}}, mail("subscribed", "", stream="news"))
    assert is_in(granted, mail("unsubscribed", "", T - 2), mail("subscribed", "", T - 1))
    assert is_in(granted, mail("unsubscribed", "", T - 2), fact("privacy", purpose="marketing", granted=True))
    assert is_in(granted, mail("subscribed", "", T - 2), fact("privacy", purpose="marketing", granted="no"))
    assert not is_in(granted, mail("subscribed", "", T - 2), fact("privacy", purpose="marketing", granted=False))


def test_suppressed_is_who_complained_left_or_is_not_there() -> None:
    rule = {"suppressed": True}
    gone: dict[str, Any] = {"bounce_permanence": "permanent", "bounce_scope": "address"}
    assert is_in(rule, mail("complained", "a"))
    assert is_in(rule, mail("bounced", "a", **gone))
    assert not is_in(rule, mail("bounced", "a", **gone | {"bounce_scope": "content"}))
    assert not is_in(rule, mail("complained", "a", T - 2), mail("subscribed", "a", T - 1))
    assert is_in({"suppressed": False})


def test_segments_can_be_asked_for_segments() -> None:
    segments = {"buyers": {"event": {"name": "buy"}}}
    assert is_in({"segment": "buyers"}, fact(), segments=segments)
    assert is_in({"not": {"segment": {"in": "buyers"}}}, segments=segments)


def test_a_bucket_holds_its_share() -> None:
    rules = [
        RULES.validate_python({"bucket": {"salt": "x", "from": at, "to": at + 0.25}}) for at in (0, 0.25, 0.5, 0.75)
    ]
    hits = [[holds(rule, f"r{n}", [fact()], T) for n in range(400)] for rule in rules]
    assert all(sum(each) == 1 for each in zip(*hits, strict=True))
    assert all(70 < sum(each) < 130 for each in hits)


def test_engagement_halves_with_its_half_life() -> None:
    rule = {"engagement": {"is": {"eq": 3.5}, "half_life": "1d"}}
    assert is_in(rule, mail("clicked", "a", T), mail("opened", "a", T - DAY))
    assert not is_in(rule, mail("clicked", "a", T), mail("opened_machine", "a", T - DAY))


def test_who_is_known_for_a_time_has_a_fact_so_old() -> None:
    rule = RULES.validate_python({"known_for": "1d"})
    assert holds(rule, "someone", [fact(at=T - DAY)], T)
    assert not holds(rule, "someone", [fact(at=T - DAY + 1)], T)
