"""A recipient's state: how large it is, what it survives, what it says of itself, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from schemas.errors import Misconfigured
from schemas.identity import digest
from schemas.segments.files import load_segments
from schemas.segments.rules import Segment
from streams.core.segments.compiled import LEAVES
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program
from streams.core.segments.recipient import Change, Recipient
from streams.core.segments.records import MOST_RECORDS
from tests.unit.streams.core.segments.histories import LEAF_KINDS

EXAMPLES = Path(__file__).parents[5] / "examples" / "segments"
HOUR, DAY = 3_600_000, 86_400_000
T = 1_774_569_600_000
NEVER = 2**63 - 1


def segment(name: str, **node: Any) -> Segment:
    return Segment.model_validate({"id": name, "tenant": "acme", **node})


def opened(*segments: Segment) -> Recipient:
    return Program(segments).open("someone", None)


def fact(name: str, at: int, number: int = 0, **properties: Any) -> Fact:
    return Fact(digest(name, at, number), name, at, at, properties, {})


def is_in(recipient: Recipient, name: str, now: int) -> bool:
    return next(bool(each["is_member"]) for each in recipient.explain(now) if each["segment"] == name)


def test_the_state_of_one_rule_is_small_for_who_gets_a_mail_a_day() -> None:
    program = Program(load_segments([EXAMPLES / "engaged-buyers-cooling.yaml"]))
    rng, sizes = Random(7), []
    recipient = program.open("someone", None)
    kinds = ("email_opened", "email_opened_machine", "email_clicked", "order_completed", "page")
    for day in range(365):
        mail: dict[str, Any] = {"message_id": f"m{day}", "stream": "marketing"}
        recipient.apply(fact("email_delivered", T + day * DAY, **mail), T + day * DAY)
        for _ in range(rng.randrange(4)):
            at = T + day * DAY + rng.randrange(DAY)
            properties: dict[str, Any] = {"message_id": f"m{day - rng.randrange(20)}", "products": [{"sku": "X-100"}]}
            recipient.apply(fact(rng.choice(kinds), at, **properties), T + (day + 1) * DAY - 1)
        sizes.append(len(recipient.pack()))
    assert max(sizes) <= 300


def test_the_state_begins_with_the_next_instant() -> None:
    recipient = opened(segment("a", event={"name": "buy", "within": "1d"}))
    assert recipient.pack()[:8] == NEVER.to_bytes(8, "big")
    assert recipient.next_at is None
    recipient.apply(fact("buy", T), T)
    assert recipient.next_at == T + DAY
    assert recipient.pack()[:8] == (T + DAY).to_bytes(8, "big")


@pytest.mark.parametrize("damaged", [b"", b"\0" * 16, b"\0" * 15 + b"\5" * 60])
def test_what_is_no_state_is_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError, match=r"no state"):
        Program([]).open("someone", damaged)


def test_a_change_says_what_caused_it() -> None:
    program = Program([segment("a", event={"name": "buy", "within": "1d"})])
    recipient, bought = program.open("someone", None), fact("buy", T)
    version = program.segments[0].version
    assert recipient.apply(bought, T + 5) == [
        Change("a", version, is_member=True, effective_at=T + 5, cause=bought.event_id)
    ]
    assert recipient.advance(T + 9 * DAY) == [Change("a", version, is_member=False, effective_at=T + DAY, cause="")]


def test_a_duplicate_changes_nothing() -> None:
    recipient = opened(segment("a", event={"name": "buy", "count": {"gte": 2}}))
    assert recipient.apply(fact("buy", T), T) == []
    assert recipient.apply(fact("buy", T), T + DAY) == []
    assert len(recipient.apply(fact("buy", T, 1), T + DAY)) == 1


def test_a_fact_of_the_future_counts_from_its_own_time_on() -> None:
    recipient = opened(segment("a", event={"name": "buy", "within": "1d"}))
    recipient.apply(fact("page", T), T)
    assert recipient.apply(fact("buy", T + DAY), T) == []
    assert [(each.is_member, each.effective_at) for each in recipient.advance(T + 9 * DAY)] == [
        (True, T + DAY),
        (False, T + 2 * DAY),
    ]


def test_a_new_version_of_a_rule_begins_without_members() -> None:
    old, new = segment("a", event={"name": "buy"}), segment("a", event={"name": "buy", "count": {"gte": 2}})
    recipient = opened(old)
    assert recipient.apply(fact("buy", T), T)[0].is_member
    again = Program([new]).open("someone", recipient.pack())
    assert again.next_at == 0
    assert again.advance(T + 1) == []
    assert len(again.apply(fact("buy", T + 2), T + 2)) == 1
    assert again.next_at is None


def test_a_segment_that_is_new_is_asked_at_once() -> None:
    recipient = opened(segment("a", event={"name": "buy"}))
    recipient.apply(fact("buy", T), T)
    program = Program([segment("a", event={"name": "buy"}), segment("b", all=[{"event": {"name": "buy"}}])])
    again = program.open("someone", recipient.pack())
    assert [(each.segment_id, each.effective_at) for each in again.advance(T + HOUR)] == [("b", T + HOUR)]


def test_segments_that_lead_back_to_themselves_are_refused() -> None:
    circle = [segment("a", all=[{"segment": "b"}]), segment("b", all=[{"not": {"segment": "a"}}])]
    with pytest.raises(Misconfigured, match="a -> b -> a"):
        Program(circle)


def test_two_segments_of_one_id_are_refused() -> None:
    with pytest.raises(Misconfigured, match="two segments have the id 'a'"):
        Program([segment("a", suppressed=True), segment("a", suppressed=False)])


def test_segments_that_name_many_that_name_many_are_asked_once_each() -> None:
    """Without that, 20 layers of 10 names would be asked 10**20 times."""
    layers = [segment("s0", event={"name": "buy", "within": "1d"})]
    for number in range(1, 20):
        below = {"segment": f"s{number - 1}"}
        layers.append(segment(f"s{number}", all=[{"any": [below, {"not": below}] * 2}, below, {"not": {"not": below}}]))
    recipient = opened(*layers)
    assert len(recipient.apply(fact("buy", T), T)) == 20
    assert len(recipient.advance(T + DAY)) == 20


def test_what_a_rule_looks_at_is_told() -> None:
    program = Program(load_segments([EXAMPLES]))
    assert {"page", "order_completed", "email_delivered", "privacy"} <= program.names
    assert program.traits == {"birthday", "country", "plan", "time_zone"}
    assert "email_deferred" not in program.names


def test_an_open_before_its_delivery_is_known_counts() -> None:
    recipient = opened(segment("a", last_messages={"n": 1, "all": "opened", "category": "news"}))
    recipient.apply(fact("email_opened", T + HOUR, message_id="m"), T + HOUR)
    assert recipient.apply(fact("email_delivered", T, message_id="m", stream="news"), T + 2 * HOUR)[0].is_member


def test_a_delivery_can_be_taken_out_and_its_reactions_wait() -> None:
    recipient = opened(segment("a", last_messages={"n": 1, "all": "opened"}))
    delivered, opened_it = fact("email_delivered", T, message_id="m"), fact("email_opened", T + 1, message_id="m")
    recipient.apply(fact("page", T), T)
    recipient.apply(delivered, T)
    recipient.apply(opened_it, T + 1)
    assert [each.is_member for each in recipient.erase(delivered.event_id, T + 2)] == [False]
    assert recipient.erase(opened_it.event_id, T + 3) == []
    assert [each.is_member for each in recipient.apply(delivered, T + 4)] == [True]


def test_who_has_no_fact_left_is_in_no_segment() -> None:
    recipient = opened(segment("a", **{"not": {"event": {"name": "buy"}}}))
    assert recipient.apply(fact("page", T), T)[0].is_member
    assert [each.is_member for each in recipient.erase(fact("page", T).event_id, T + 1)] == [False]
    assert recipient.next_at is None


def test_so_much_that_old_facts_are_dropped_is_said() -> None:
    unless = {"name": "refund", "same": "order_id"}
    rule = {"name": "buy", "fn": "sum", "of": "x", "within": "900d", "is": {"gte": 1}, "unless": unless}
    recipient = opened(segment("a", aggregate=rule))
    recipient.apply(fact("buy", T, x=1), T)
    assert not recipient.explain(T)[0]["is_approximate"]
    busy = opened(segment("a", aggregate=rule))
    for number in range(MOST_RECORDS + 10):
        busy.apply(fact("buy", T + number, x=1), T + number)
    assert busy.explain(T + DAY)[0]["is_approximate"]
    assert busy.pack() == Program([segment("a", aggregate=rule)]).open("someone", busy.pack()).pack()


def test_each_of_many_segments_is_left_at_its_own_instant() -> None:
    program = Program([segment(f"s{n:02}", event={"name": "buy", "within": f"{n}d"}) for n in range(1, 31)])
    recipient, changes = program.open("someone", None), []
    recipient.apply(fact("buy", T), T)
    for day in range(0, 40, 3):
        changes += recipient.advance(T + day * DAY)
        recipient = program.open("someone", recipient.pack())
    assert [(each.segment_id, each.effective_at) for each in changes] == [
        (f"s{n:02}", T + n * DAY) for n in range(1, 31)
    ]


WITHOUT = {"first": {"name": "cart"}, "without": {"name": "buy"}, "within": "1d"}


def test_what_comes_again_after_two_months_is_no_new_beginning() -> None:
    recipient = opened(segment("a", sequence=WITHOUT))
    assert recipient.apply(fact("cart", T), T) == []
    assert recipient.apply(fact("buy", T + 1), T + 1) == []
    for day in (40, 60):
        assert recipient.apply(fact("buy", T + day * DAY), T + day * DAY) == []
    assert recipient.apply(fact("cart", T), T + 60 * DAY) == []
    assert recipient.advance(T + 90 * DAY) == []


def test_what_did_not_follow_long_ago_still_did_not_when_the_newer_is_followed_late() -> None:
    recipient = opened(segment("a", sequence=WITHOUT))
    recipient.apply(fact("cart", T), T)
    recipient.apply(fact("cart", T + 50 * DAY), T + 50 * DAY)
    recipient.apply(fact("cart", T + 60 * DAY), T + 60 * DAY)
    recipient.apply(fact("buy", T + 50 * DAY + 1), T + 60 * DAY)
    recipient.apply(fact("buy", T + 60 * DAY + 1), T + 60 * DAY + 1)
    assert recipient.advance(T + 70 * DAY) == []
    assert is_in(recipient, "a", T + 70 * DAY)


def test_every_leaf_has_a_meaning() -> None:
    assert set(LEAVES) == set(LEAF_KINDS) - {"segment"}


def test_each_node_says_whether_it_holds_and_until_when() -> None:
    recipient = opened(
        segment("a", all=[{"event": {"name": "buy", "within": "1d"}}, {"not": {"segment": "b"}}]),
        segment("b", event={"name": "page", "count": 0}),
    )
    recipient.apply(fact("page", T), T)
    recipient.apply(fact("buy", T), T + HOUR)
    said = recipient.explain(T + 2 * HOUR)[0]
    assert (said["segment"], said["is_member"], said["since"], said["until"]) == ("a", True, T + HOUR, T + DAY)
    assert [(each["kind"], each["holds"], each["until"]) for each in said["node"]["nodes"]] == [
        ("event", True, T + DAY),
        ("not", True, None),
    ]
    assert said["node"]["nodes"][0]["rule"] == {"event": {"name": ["buy"], "within": DAY}}


def test_odd_values_do_no_harm() -> None:
    rule = {"name": "buy", "fn": "sum", "of": "x", "is": {"gte": 0}}
    recipient = opened(segment("a", aggregate=rule), segment("b", event={"name": "buy", "where": {"x": {"gt": 1}}}))
    values: tuple[Any, ...] = (10**400, float("inf"), float("nan"), "\ud800", {}, [[]], None, -(10**400))
    for number, value in enumerate(values):
        recipient.apply(fact("buy", T, number, x=value), T)
    assert is_in(recipient, "a", T)
    assert is_in(recipient, "b", T)
    recipient.apply(Fact("no hash", "buy", -(10**18), T, {}, {"birthday": 5}), T)
    recipient.apply(Fact("", "buy", 10**18, T, {}, {}), T)
    assert Program([]).open("\ud800", recipient.pack()).pack()
