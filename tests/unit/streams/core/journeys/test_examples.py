"""The example journeys, event by event: every way through, at its instants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from schemas.identity import digest
from schemas.journeys.files import load_journeys
from schemas.segments.files import load_segments
from streams.core.journeys.along import Traveller
from streams.core.journeys.flows import Flows
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program

FOLDER = Path(__file__).parents[5] / "examples"
JOURNEYS = load_journeys([FOLDER / "journeys"])
FLOWS = Flows(JOURNEYS)
PROGRAM = Program([*load_segments([FOLDER / "segments"]), *FLOWS.rules])
HOUR = 3_600_000
DAY = 24 * HOUR
T = int(datetime.fromisoformat("2026-03-02T14:05:11+00:00").timestamp() * 1_000)
LUCKY, UNLUCKY = "nobody", "someone"
"""Recipients in the first and in the second half of the split."""


def fact(name: str, at: int, **properties: Any) -> Fact:
    return Fact(digest(name, at, str(properties)), name, at, at, properties, {})


def told(facts: Sequence[Fact], until: int, key: str = LUCKY) -> list[tuple[str, str, int]]:
    """Calls with their templates, and how runs ended; after how long."""
    traveller = Traveller(PROGRAM, FLOWS, key)
    steps = [step for each in facts for step in traveller.take(each)] + traveller.advance(until)
    found = []
    for step in steps:
        if step.kind == "called":
            found.append((step.journey_id, step.data.split(":")[1].strip('"}'), step.at - T))
        elif step.kind == "left":
            found.append((step.journey_id, f"left: {step.outcome}", step.at - T))
    return found


CART = fact("checkout_started", T, cart_id="c1", total=90)


def test_a_cart_that_stays_is_spoken_of_after_two_hours_and_to_half_of_the_people_a_day_later() -> None:
    first = ("abandoned-cart", "cart-1", 2 * HOUR)
    assert told([CART], T + 30 * DAY) == [
        first, ("abandoned-cart", "cart-2-coupon", 26 * HOUR), ("abandoned-cart", "left: done", 26 * HOUR),
    ]  # fmt: skip
    assert told([CART], T + 30 * DAY, UNLUCKY) == [first, ("abandoned-cart", "left: done", 2 * HOUR)]


def test_good_customers_are_spoken_to_in_person() -> None:
    order = fact("order_completed", T - DAY, cart_id="c0", total=600)
    assert ("abandoned-cart", "cart-2-personal", 26 * HOUR) in told([order, CART], T + 2 * DAY)


def test_an_order_of_this_cart_ends_it_at_once_and_of_another_does_not() -> None:
    this, other = (fact("order_completed", T + 3 * HOUR, cart_id=cart, total=90) for cart in ("c1", "c2"))
    first = ("abandoned-cart", "cart-1", 2 * HOUR)
    assert told([CART, this], T + 20 * DAY) == [first, ("abandoned-cart", "left: exit_when", 3 * HOUR)]
    assert len(told([CART, other], T + 20 * DAY)) == 3


def test_whoever_may_not_be_mailed_leaves_at_once() -> None:
    complaint = fact("email_complained", T + HOUR)
    assert told([CART, complaint], T + 20 * DAY) == [("abandoned-cart", "left: exit_when", HOUR)]
    assert told([fact("email_complained", T - HOUR), CART], T + DAY) == [("abandoned-cart", "left: exit_when", 0)]


def test_a_small_cart_is_none_and_each_cart_has_a_run_of_its_own_until_three_calls_a_week() -> None:
    assert told([fact("checkout_started", T, cart_id="c1", total=19)], T + 9 * DAY) == []
    carts = [fact("checkout_started", T + n * HOUR, cart_id=f"c{n}", total=90) for n in range(4)]
    found = told(carts, T + 9 * DAY, UNLUCKY)
    assert [what for _, what, _ in found] == ["cart-1", "left: done"] * 3 + ["left: capped"]
    assert found[-1][2] == 5 * HOUR


def test_a_click_brings_the_second_welcome_forward_and_an_order_ends_in_thanks() -> None:
    subscribed = fact("email_subscribed", T)
    clicked = fact("email_clicked", T + HOUR, campaign_id="welcome-1")
    order = fact("order_completed", T + 3 * DAY)
    assert told([subscribed, clicked, order], T + 10 * DAY) == [
        ("welcome-series", "welcome-1", 0), ("welcome-series", "welcome-2-interested", HOUR),
        ("welcome-series", "thank-you", 3 * DAY), ("welcome-series", "left: exit", 3 * DAY),
    ]  # fmt: skip


def test_without_a_click_and_an_order_all_three_welcomes_come_and_once_only() -> None:
    again = fact("email_subscribed", T + 20 * DAY)
    elsewhere = fact("email_clicked", T + HOUR, campaign_id="newsletter")
    found = told([fact("email_subscribed", T), elsewhere, again], T + 25 * DAY)
    assert found == [
        ("welcome-series", "welcome-1", 0), ("welcome-series", "welcome-2", 2 * DAY),
        ("welcome-series", "welcome-3-offer", 7 * DAY), ("welcome-series", "left: done", 7 * DAY),
    ]  # fmt: skip


def test_whoever_bought_before_is_thanked_when_it_is_looked_at() -> None:
    order = fact("order_completed", T - DAY)
    found = told([order, fact("email_subscribed", T)], T + 3 * DAY)
    assert found[2] == ("welcome-series", "thank-you", 2 * DAY)


def test_whoever_unsubscribes_is_welcomed_no_more() -> None:
    found = told([fact("email_subscribed", T), fact("email_unsubscribed", T + HOUR)], T + 9 * DAY)
    assert found == [("welcome-series", "welcome-1", 0), ("welcome-series", "left: exit_when", HOUR)]


def test_thirty_days_of_silence_are_answered_to_the_second() -> None:
    silent = 30 * DAY
    assert told([fact("page", T)], T + 60 * DAY) == [
        ("win-back", "we-miss-you", silent), ("win-back", "stay-or-go", silent + 7 * DAY),
        ("win-back", "stop-mailing", silent + 21 * DAY), ("win-back", "left: done", silent + 21 * DAY),
    ]  # fmt: skip


def test_an_open_brings_the_favourites_and_a_visit_the_end() -> None:
    opened = fact("email_opened", T + 31 * DAY)
    assert told([fact("page", T), opened], T + 33 * DAY) == [
        ("win-back", "we-miss-you", 30 * DAY), ("win-back", "your-favourites", 31 * DAY),
        ("win-back", "left: done", 31 * DAY),
    ]  # fmt: skip
    back = fact("page", T + 38 * DAY)
    assert told([fact("page", T), back], T + 60 * DAY)[-1] == ("win-back", "left: exit_when", 38 * DAY)
