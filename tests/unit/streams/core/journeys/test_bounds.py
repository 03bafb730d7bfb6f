"""What a ride keeps and for how long: versions, repeats, late events, and the bounds of all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from schemas.errors import Misconfigured
from schemas.journeys.journey import Journey
from schemas.journeys.sentences import parse_journey
from schemas.segments.rules import Segment
from schemas.segments.texts import read_yaml
from streams.core.journeys.along import Traveller
from streams.core.journeys.flows import Flows, is_hidden
from streams.core.journeys.kept import LATE_MS, MOST_CALLS, MOST_RUNS, MOST_SEEN
from streams.core.journeys.ops import Step
from streams.core.journeys.ride import Ride
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program
from streams.core.segments.recipient import Change

HOUR = 3_600_000
DAY = 24 * HOUR
T = 1_767_225_600_000
KEYED = "enter: {event: {name: cart, key: cart_id}}\nsteps: [{wait: 2h}, {call: {webhook: crm}}]"


def journey(text: str, id_: str = "j") -> Journey:
    found = parse_journey(read_yaml(f"id: {id_}\ntenant: acme\n{text}"), "")
    assert isinstance(found, Journey), found
    return found


def fact(name: str, at: int, event_id: str = "", known_at: int | None = None, **properties: Any) -> Fact:
    return Fact(event_id or f"{name} {at} {properties}", name, at, at if known_at is None else known_at, properties, {})


def nobody(_: str) -> bool:
    return False


def taken(ride: Ride, each: Fact) -> list[str]:
    steps = ride.advance(each.known_at, nobody) + ride.take(each, [], each.known_at, nobody)
    return kinds(steps)


def kinds(steps: Sequence[Step]) -> list[str]:
    return [f"{step.kind} {step.outcome}".strip() for step in steps]


def test_a_run_goes_on_with_the_steps_of_its_version_and_the_next_has_the_new_ones() -> None:
    old, new = journey(KEYED), journey(KEYED.replace("2h", "5h"))
    ride = Ride(Flows([old]), "r")
    taken(ride, fact("cart", T, cart_id="c1"))
    ride = Ride(Flows([new], earlier=[old]), "r", ride.pack())
    assert ride.next_at == T + 2 * HOUR
    assert taken(ride, fact("cart", T + HOUR, cart_id="c2")) == ["entered"]
    assert taken(ride, fact("cart", T + HOUR + 1, cart_id="c1")) == []
    steps = ride.advance(T + DAY, nobody)
    assert [(step.at - T, step.kind) for step in steps] == [
        (2 * HOUR, "waited"), (2 * HOUR, "called"), (2 * HOUR, "left"),
        (6 * HOUR, "waited"), (6 * HOUR, "called"), (6 * HOUR, "left"),
    ]  # fmt: skip
    assert len({step.version for step in steps}) == 2


def test_a_run_whose_version_is_gone_ends_at_the_next_look_with_a_record() -> None:
    ride = Ride(Flows([journey(KEYED)]), "r")
    taken(ride, fact("cart", T, cart_id="c1"))
    ride = Ride(Flows([journey(KEYED, "other")]), "r", ride.pack())
    assert ride.next_at == 0
    (step,) = ride.advance(T + HOUR, nobody)
    assert (step.journey_id, step.kind, step.outcome, step.cause, step.at) == ("j", "left", "gone", "rule", T + HOUR)
    assert step.number == 2
    assert ride.next_at is None


def test_the_flows_of_an_earlier_version_have_another_code_and_nobody_gets_in_there() -> None:
    old, new = journey(KEYED), journey(KEYED.replace("name: cart", "name: basket"))
    assert len({Flows([old]).code, Flows([new]).code, Flows([new], [old]).code, Flows([]).code}) == 4
    ride = Ride(Flows([new], [old]), "r")
    assert taken(ride, fact("cart", T, cart_id="c1")) == []
    assert Flows([new], [old]).names == {"basket"}


def test_two_journeys_of_one_id_or_of_two_tenants_are_refused() -> None:
    with pytest.raises(Misconfigured, match="two journeys have the id 'j'"):
        Flows([journey(KEYED), journey(KEYED)])
    with pytest.raises(Misconfigured, match="several tenants"):
        Flows([journey(KEYED), journey(KEYED, "k").model_copy(update={"tenant": "beta"})])


def test_what_nobody_waits_for_leaves_nothing_behind() -> None:
    ride = Ride(Flows([journey(KEYED)]), "r")
    assert taken(ride, fact("page", T)) == []
    assert taken(ride, fact("cart", T)) == []  # without a key
    assert ride.pack() == b""
    taken(ride, fact("cart", T, cart_id="c"))
    assert len(ride.pack()) < 100
    ride.advance(T + 10 * DAY, nobody)
    taken(ride, fact("page", T + 10 * DAY))
    assert ride.pack() == b""


def test_bytes_that_are_no_state_are_refused() -> None:
    with pytest.raises(ValueError, match="no state of journeys"):
        Ride(Flows([]), "r", b"broken")


def test_an_entering_event_that_comes_again_lets_nobody_in_twice() -> None:
    ride = Ride(Flows([journey(KEYED)]), "r")
    cart = fact("cart", T, "e1", cart_id="c1")
    assert taken(ride, cart) == ["entered"]
    assert taken(ride, cart._replace(known_at=T + 3 * HOUR)) == ["waited time", "called crm", "left done"]
    assert taken(ride, cart._replace(known_at=T + LATE_MS - 1)) == []
    assert taken(ride, cart._replace(known_at=T + LATE_MS)) == []  # forgotten, but too late by then


@pytest.mark.parametrize("shift", [-LATE_MS, LATE_MS])
def test_what_is_dated_three_days_away_lets_nobody_in(shift: int) -> None:
    ride = Ride(Flows([journey(KEYED)]), "r")
    nearer = shift - 1 if shift > 0 else shift + 1
    assert taken(ride, fact("cart", T + shift, known_at=T, cart_id="c1")) == []
    assert taken(ride, fact("cart", T + nearer, known_at=T, cart_id="c1")) == ["entered"]


def test_a_late_event_ends_a_run_if_it_happened_after_what_let_in() -> None:
    text = f"{KEYED}\nexit_when: [{{event: {{name: order, same: cart_id}}}}]"
    ride = Ride(Flows([journey(text)]), "r")
    taken(ride, fact("cart", T, cart_id="c1"))
    assert taken(ride, fact("order", T - 1, known_at=T + HOUR, cart_id="c1")) == []
    assert taken(ride, fact("order", T, known_at=T + HOUR, cart_id="c1")) == ["left exit_when"]


def test_more_runs_than_the_bound_are_refused_and_that_is_said() -> None:
    ride = Ride(Flows([journey(KEYED)]), "r")
    found = [taken(ride, fact("cart", T + n, cart_id=f"c{n}")) for n in range(MOST_RUNS + 1)]
    assert found == [["entered"]] * MOST_RUNS + [["refused too_many"]]
    assert len(kinds(ride.advance(T + DAY, nobody))) == 3 * MOST_RUNS


def test_entering_events_are_remembered_up_to_a_bound_and_more_let_nobody_in() -> None:
    ride = Ride(Flows([journey(KEYED.replace("{wait: 2h}, ", ""))]), "r")
    found = [taken(ride, fact("cart", T + n, cart_id=f"c{n}")) for n in range(MOST_SEEN + 1)]
    assert found[-2:] == [["entered", "called crm", "left done"], []]
    assert taken(ride, fact("cart", T + LATE_MS + 1, cart_id="c")) == ["entered", "called crm", "left done"]


def test_calls_are_kept_for_caps_only_and_no_more_than_a_cap_may_allow() -> None:
    text = "enter: {event: {name: cart, key: cart_id}}\nsteps: [{cap: {at_most: %d, per: 30d}}, {call: {webhook: crm}}]"
    ride = Ride(Flows([journey(text % MOST_CALLS)]), "r")
    found = [taken(ride, fact("cart", T + n * HOUR, cart_id=f"c{n}"))[-1] for n in range(MOST_CALLS + 2)]
    assert found == ["left done"] * MOST_CALLS + ["left capped"] * 2
    assert len(ride.pack()) < MOST_CALLS * 16 + MOST_SEEN * 18
    free = Ride(Flows([journey(KEYED.replace("{wait: 2h}, ", ""))]), "r")
    taken(free, fact("cart", T, cart_id="c"))
    taken(free, fact("page", T + LATE_MS))
    assert free.pack() == b""


def test_a_journey_that_lets_in_once_does_so_after_a_change_of_it_too() -> None:
    text = "enter: {event: {name: cart}, again: never}\nsteps: [{call: {webhook: crm}}]"
    ride = Ride(Flows([journey(text)]), "r")
    assert taken(ride, fact("cart", T))[0] == "entered"
    ride = Ride(Flows([journey(text.replace("crm", "shop"))]), "r", ride.pack())
    assert taken(ride, fact("cart", T + 90 * DAY)) == []


def test_a_change_of_rules_lets_nobody_in_and_may_end_a_run() -> None:
    text = "enter: {segment: vip}\nexit_when: [{if: {segment: lapsed}}]\nsteps: [{wait: 2h}, {call: {webhook: crm}}]"
    ride = Ride(Flows([journey(text)]), "r")

    def change(segment: str, cause: str, at: int) -> list[str]:
        changes = [Change(segment, "v", is_member=True, effective_at=at, cause=cause)]
        return kinds(ride.take(None, changes, at, {segment}.__contains__))

    assert change("vip", "rule", T) == []
    assert change("vip", "", T + 1) == ["entered"]
    assert change("lapsed", "rule", T + 2) == ["left exit_when"]


def test_a_rule_in_a_journey_is_followed_beside_the_segments_and_shared() -> None:
    text = "enter: {event: {name: cart}}\nsteps: [{wait: 2h}, {branch: {if: %s, then: [exit]}}]"
    rule = "{event: {name: page, within: 1h}}"
    flows = Flows([journey(text % rule, "a"), journey(text % rule, "b"), journey(text % "{segment: vip}", "c")])
    assert [is_hidden(each.id) for each in flows.rules] == [True]
    assert flows.asked == {"vip", flows.rules[0].id}
    vip = Segment.model_validate({"id": "vip", "tenant": "acme", "event": {"name": "order", "within": "30d"}})
    traveller = Traveller(Program([vip, *flows.rules]), flows, "r")
    traveller.take(fact("cart", T))
    traveller.take(fact("order", T + 1))
    traveller.take(fact("page", T + HOUR))
    assert traveller.is_under_way
    found = [(step.journey_id, step.outcome) for step in traveller.advance(T + DAY) if step.kind == "branched"]
    assert found == [("a", "else"), ("b", "else"), ("c", "then")]  # the page is an hour old at that very instant


def test_who_goes_which_way_of_a_split_is_who_is_in_the_bucket_of_the_same_salt() -> None:
    text = (
        "enter: {event: {name: cart}}\nsteps: [{split: {salt: s, parts: [{share: 0.3}, {share: 0.3}, {share: 0.4}]}}]"
    )
    flows = Flows([journey(text)])
    buckets = [
        Segment.model_validate({"id": f"b{n}", "tenant": "acme", "bucket": {"salt": "s", "from": low, "to": high}})
        for n, (low, high) in enumerate([(0, 0.3), (0.3, 0.6), (0.6, 1)])
    ]
    program = Program(buckets)
    counts = [0, 0, 0]
    for number in range(300):
        recipient, ride = program.open(f"r{number}", None), Ride(flows, f"r{number}")
        cart = fact("cart", T)
        (change,) = recipient.apply(cart, T)
        split = ride.take(cart, [], T, nobody)[1]
        assert f"b{split.outcome}" == change.segment_id
        counts[int(split.outcome)] += 1
    assert min(counts) > 60


def test_of_calls_that_another_journey_counts_no_more_are_kept_than_a_cap_may_allow() -> None:
    calling = journey(KEYED.replace("{wait: 2h}, ", ""), "calling")
    counting = journey(
        "enter: {event: {name: page}}\nsteps: [{cap: {at_most: 50, per: 30d, over: [calling]}}]", "counting"
    )
    ride = Ride(Flows([calling, counting]), "r")
    for number in range(MOST_CALLS - 1):
        taken(ride, fact("cart", T + number * 5 * HOUR, cart_id="c"))
    assert taken(ride, fact("page", T + 11 * DAY)) == ["entered", "left done"]
    size = len(ride.pack())
    for number in range(MOST_CALLS - 1, MOST_CALLS + 20):
        taken(ride, fact("cart", T + 11 * DAY + number, cart_id="c"))
    assert taken(ride, fact("page", T + 12 * DAY)) == ["entered", "left capped"]
    assert len(ride.pack()) < size + 22 * 18  # more entering events within three days, and one call


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [("7", 7, False), (7, 7.0, True), (1.5, 1, False), (1.5, 1.5, True), ("a", "A", False), (["c1", "c2"], "c1", True)],
)
def test_keys_are_equal_if_they_are_of_one_type_and_the_first_at_the_path(one: Any, other: Any, is_same: bool) -> None:
    ride = Ride(Flows([journey(KEYED)]), "r")
    assert taken(ride, fact("cart", T, cart_id=one)) == ["entered"]
    assert taken(ride, fact("cart", T + 1, cart_id=other)) == ([] if is_same else ["entered"])


@pytest.mark.parametrize("key", [None, True, "", "x" * 201, {"a": 1}, [], float("inf")])
def test_what_can_be_no_key_lets_nobody_in(key: Any) -> None:
    assert taken(Ride(Flows([journey(KEYED)]), "r"), fact("cart", T, cart_id=key)) == []
