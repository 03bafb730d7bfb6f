"""The example segments, event by event: who enters and leaves, and at which instant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.identity import digest
from schemas.segments.files import load_segments
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program
from streams.core.segments.recipient import Recipient

FOLDER = Path(__file__).parents[5] / "examples" / "segments"
SEGMENTS = {segment.id: segment for segment in load_segments([FOLDER])}
SECOND = 1_000
HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp() * 1_000)


T = ms("2026-03-02T14:05:11")
Step = Callable[[Recipient], Sequence[Any]]
Seen = list[tuple[bool, int]]


def fact(name: str, at: int, properties: dict[str, Any] | None = None, **traits: Any) -> Fact:
    return Fact(digest(name, at, str(properties)), name, at, at, properties or {}, traits)


def mail(kind: str, message: str, at: int, **properties: Any) -> Fact:
    return fact(f"email_{kind}", at, {"message_id": message, "stream": "marketing"} | properties)


def order(at: int, sku: str = "X-100", **properties: Any) -> Fact:
    return fact("order_completed", at, {"products": [{"sku": "A-1"}, {"sku": sku}]} | properties)


def seen(name: str, facts: Sequence[Fact], until: int, segments: Sequence[str] = ()) -> Seen:
    """What happens to the membership: in or out, and when."""
    program = Program([SEGMENTS[each] for each in (name, *segments)])
    recipient = program.open("someone", None)
    changes = [change for each in facts for change in recipient.apply(each, each.known_at)]
    changes += recipient.advance(until)
    return [(change.is_member, change.effective_at) for change in changes if change.segment_id == name]


def test_buyers_cool_when_the_third_mail_has_its_day_and_end_with_an_open() -> None:
    facts = [mail("delivered", f"m{n}", T + n * DAY) for n in range(3)]
    facts = sorted([order(T - DAY), *facts], key=lambda each: each.at)
    opened = mail("opened", "m2", T + 9 * DAY)
    assert seen("engaged-buyers-cooling", [*facts, opened], T + 90 * DAY) == [(True, T + 3 * DAY), (False, T + 9 * DAY)]
    assert seen("engaged-buyers-cooling", facts, T + 90 * DAY) == [(True, T + 3 * DAY), (False, T + 29 * DAY)]


def test_buyers_of_something_else_and_openers_by_software_do_not_matter() -> None:
    mails = [mail("delivered", f"m{n}", T + n * DAY) for n in range(3)]
    assert seen("engaged-buyers-cooling", [order(T - DAY, "X-101"), *mails], T + 90 * DAY) == []
    by_software = mail("opened_machine", "m1", T + 2 * DAY + 1)
    assert seen("engaged-buyers-cooling", [order(T - DAY), *mails, by_software], T + 20 * DAY) == [(True, T + 3 * DAY)]


def test_a_mail_that_is_opened_before_its_day_is_over_never_counts_against_the_buyer() -> None:
    mails = [mail("delivered", f"m{n}", T + n * DAY) for n in range(3)]
    facts = [order(T - DAY), *mails, mail("opened", "m2", T + 2 * DAY + HOUR)]
    assert seen("engaged-buyers-cooling", facts, T + 90 * DAY) == []


def test_a_cart_is_abandoned_after_two_hours_for_three_days() -> None:
    started, other = fact("checkout_started", T, {"cart_id": "c1"}), order(T + HOUR, cart_id="c2")
    assert seen("abandoned-cart-2h", [started, other], T + 30 * DAY) == [
        (True, T + 2 * HOUR),
        (False, T + 2 * HOUR + 3 * DAY),
    ]
    assert seen("abandoned-cart-2h", [started, order(T + 2 * HOUR - 1, cart_id="c1")], T + 30 * DAY) == []
    late = order(T + 2 * HOUR + 1, cart_id="c1")
    assert seen("abandoned-cart-2h", [started, late], T + DAY) == [(True, T + 2 * HOUR)]


def test_an_order_that_comes_late_takes_the_abandoned_cart_back() -> None:
    paid = order(T + HOUR, cart_id="c1")._replace(known_at=T + 5 * HOUR)
    assert seen("abandoned-cart-2h", [fact("checkout_started", T, {"cart_id": "c1"}), paid], T + 30 * DAY) == [
        (True, T + 2 * HOUR),
        (False, T + 5 * HOUR),
    ]


def test_a_birthday_week_begins_and_ends_at_midnight_of_the_recipient() -> None:
    known = fact("identify", T, birthday="1990-05-17", country="FR", time_zone="Europe/Paris")
    agreed = fact("privacy", T + 1, {"purpose": "marketing", "granted": True})
    week = [(True, ms("2026-05-09T22:00:00")), (False, ms("2026-05-17T22:00:00"))]
    assert seen("birthday-week-eu", [known, agreed], ms("2026-12-31T00:00:00")) == week
    assert seen("birthday-week-eu", [known, agreed], ms("2027-05-12T00:00:00")) == [
        *week,
        (True, ms("2027-05-09T22:00:00")),
    ]
    denied = mail("unsubscribed", "m", ms("2026-05-12T08:00:00"))
    left = [week[0], (False, ms("2026-05-12T08:00:00"))]
    assert seen("birthday-week-eu", [known, agreed, denied], ms("2026-12-31T00:00:00")) == left


def test_three_refusals_by_gmail_in_a_week() -> None:
    bounces = [
        mail("bounced", f"m{n}", T + n * DAY, mailbox_provider="gmail", bounce_permanence="transient") for n in range(3)
    ]
    assert seen("gmail-soft-bouncing", bounces, T + 30 * DAY) == [(True, T + 2 * DAY), (False, T + 7 * DAY)]
    assert seen("gmail-soft-bouncing", [*bounces[:2], bounces[1]], T + 30 * DAY) == []


def test_the_silent_lapse_after_thirty_days_until_ninety() -> None:
    visits = [fact("page", T), fact("page", T + DAY)]
    expected = [(True, T + 31 * DAY), (False, T + 91 * DAY)]
    assert seen("lapsed-30-to-90", visits, T + 365 * DAY) == expected
    back = fact("page", T + 40 * DAY)
    assert seen("lapsed-30-to-90", [*visits, back], T + 365 * DAY) == [
        (True, T + 31 * DAY),
        (False, T + 40 * DAY),
        (True, T + 70 * DAY),
        (False, T + 130 * DAY),
    ]


def test_who_watches_prices_looked_twice_in_a_week_or_wished() -> None:
    looks = [fact("product_viewed", T + n * DAY, {"price": price}) for n, price in enumerate((100, 99, 250))]
    assert seen("price-drop-watchers", looks, T + 60 * DAY) == [(True, T + 2 * DAY), (False, T + 7 * DAY)]
    wish = fact("product_added_to_wishlist", T + 3 * DAY)
    assert seen("price-drop-watchers", [*looks, wish], T + 60 * DAY) == [(True, T + 2 * DAY), (False, T + 33 * DAY)]


def test_the_sun_sets_over_who_has_been_known_for_half_a_year_without_a_sign_of_life() -> None:
    mails = [mail("delivered", f"m{n}", T + n * DAY) for n in range(13)]
    assert seen("sunset-candidates", mails, T + 300 * DAY) == [(True, T + 180 * DAY)]
    clicked = mail("clicked", "m1", T + 200 * DAY)
    assert seen("sunset-candidates", [*mails, clicked], T + 300 * DAY) == [
        (True, T + 180 * DAY),
        (False, T + 200 * DAY),
    ]
    bought = sorted([*mails, order(T + HOUR)], key=lambda each: each.at)
    assert seen("sunset-candidates", bought, T + 500 * DAY) == [(True, T + HOUR + 365 * DAY)]


def test_a_trial_is_stuck_after_five_days_with_little_use() -> None:
    begun = fact("identify", T, plan="trial")
    assert seen("trial-stuck", [begun], T + 50 * DAY) == [(True, T + 5 * DAY)]
    used = [fact("feature_used", T + n * HOUR) for n in (20, 21, 22)]
    paid = fact("identify", T + 9 * DAY, plan="pro")
    stuck = [(True, T + 5 * DAY + 20 * HOUR), (False, T + 9 * DAY)]
    assert seen("trial-stuck", [begun, *used, paid], T + 50 * DAY) == stuck


def test_a_vip_is_one_until_orders_are_old_or_taken_back() -> None:
    orders = [order(T, revenue=300, order_id="o1"), order(T + DAY, revenue=200.5, order_id="o2")]
    assert seen("vip-90d", orders, T + 200 * DAY) == [(True, T + DAY), (False, T + 90 * DAY)]
    back = fact("order_cancelled", T + 2 * DAY, {"order_id": "o2"})
    assert seen("vip-90d", [*orders, back], T + 200 * DAY) == [(True, T + DAY), (False, T + 2 * DAY)]


def _in_cell_b() -> str:
    program = Program([SEGMENTS["winback-test-cell-b"], SEGMENTS["lapsed-30-to-90"]])
    for number in range(100):
        recipient = program.open(f"r{number}", None)
        recipient.apply(fact("page", T), T)
        if any(change.segment_id == "winback-test-cell-b" for change in recipient.advance(T + 40 * DAY)):
            return f"r{number}"
    raise AssertionError("half of all recipients are in cell B")


def test_who_lapsed_is_won_back_when_interest_has_worn_off() -> None:
    program = Program([SEGMENTS["winback-test-cell-b"], SEGMENTS["lapsed-30-to-90"]])
    recipient = program.open(_in_cell_b(), None)
    facts = [mail("clicked", "m1", T), mail("opened", "m2", T)]
    changes = [change for each in facts for change in recipient.apply(each, T)] + recipient.advance(T + 365 * DAY)
    assert [(change.segment_id, change.is_member, change.effective_at) for change in changes] == [
        ("lapsed-30-to-90", True, T + 30 * DAY),
        ("winback-test-cell-b", True, T + 30 * DAY + 1),
        ("lapsed-30-to-90", False, T + 90 * DAY),
        ("winback-test-cell-b", False, T + 90 * DAY),
    ]


@pytest.mark.parametrize("name", SEGMENTS)
def test_nobody_of_whom_nothing_is_known_is_in_any(name: str) -> None:
    assert seen(name, [], T + 3_000 * DAY) == []
