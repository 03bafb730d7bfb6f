"""Which events suppress whom, and that order, repeats and several writers make no difference."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import BounceReason, EmailEvent, EventType
from schemas.suppressions import FailingDays, Suppression, SuppressionCause, SuppressionStatus
from streams.core.suppression.book import Book, Written, record_key
from streams.core.suppression.facts import DECIDING, fact_of, failing_day_of, says_anything
from streams.core.suppression.failing import DAY_MS, Days, joined, rest_of

NOW = 20_000 * DAY_MS
KEY = "0" * 32


def event(kind: str, reason: str = "", scope: str = "", permanence: str = "", **more: object) -> EmailEvent:
    fields: dict[str, object] = {
        "event_id": "e1", "tenant": "acme", "source": "s", "provider": "p", "event_type": EventType(kind),
        "occurred_at": NOW, "received_at": NOW, "recipient_key": KEY, "bounce_reason": reason, "bounce_scope": scope,
        "bounce_permanence": permanence, **more,
    }  # fmt: skip
    return EmailEvent(**fields)  # type: ignore[arg-type]  # by name


def fact(cause: str = "unsubscribe", since: int = NOW, status: str = "active", **more: object) -> Suppression:
    fields = {"tenant": "acme", "scope": "tenant", "recipient_key": KEY, "cause": cause, "status": status, **more}
    return Suppression(since=since, **fields)  # type: ignore[arg-type]  # by name


def causes(book: Book, now_ms: int = NOW, stream: str = "") -> list[str]:
    return [str(found.cause) for found in book.in_force("acme", KEY, stream, now_ms)]


@pytest.mark.parametrize(
    ("told", "cause", "scope"),
    [
        (event("bounced", "invalid_recipient", "address", "permanent"), "dead_address", "tenant"),
        (event("bounced", "inactive_mailbox", "address", "permanent"), "dead_address", "tenant"),
        (event("bounced", "invalid_domain", "domain", "permanent", stream="news"), "dead_domain", "tenant"),
        (event("complained", stream="news"), "complaint", "tenant"),
        (event("complained", complaint_type="abuse"), "complaint", "tenant"),
        (event("unsubscribed"), "unsubscribe", "tenant"),
        (event("unsubscribed", stream="news"), "unsubscribe", "news"),
    ],
)
def test_what_is_about_the_address_suppresses_it(told: EmailEvent, cause: str, scope: str) -> None:
    found = fact_of(told)
    assert found is not None
    assert (found.cause, found.scope, found.status, found.event_id) == (cause, scope, "active", "e1")


@pytest.mark.parametrize("reason", [r for r in BounceReason if not r.startswith(("invalid_", "inactive_"))])
@pytest.mark.parametrize("kind", ["bounced", "rejected", "failed", "deferred"])
def test_no_other_refusal_suppresses(kind: str, reason: str) -> None:
    assert fact_of(event(kind, reason, "ip", "permanent")) is None


@pytest.mark.parametrize(
    "told",
    [
        event("bounced", "invalid_recipient", "address", "transient"),
        event("rejected", "invalid_recipient", "address", "permanent"),
        event("rejected", "suppressed", "none", "permanent"),
        event("delivered"),
        event("complained", complaint_type="not-spam"),
        event("unsubscribed", recipient_key=""),
    ],
)
def test_what_says_nothing_about_the_address_is_no_fact(told: EmailEvent) -> None:
    assert fact_of(told) is None


@given(
    st.sampled_from(list(EventType)), st.sampled_from(["", *BounceReason]),
    st.sampled_from(["", "address", "domain", "ip"]), st.sampled_from(["", "permanent", "transient", "unknown"]),
)  # fmt: skip
def test_an_event_that_is_passed_over_would_have_said_nothing(
    kind: str, reason: str, scope: str, permanence: str
) -> None:
    deciding = kind, reason, scope, permanence
    told = event(*deciding)
    assert tuple(getattr(told, name) for name in DECIDING) == deciding
    if not says_anything(*deciding):
        assert fact_of(told) is None
        assert failing_day_of(told) is None


def test_a_clock_that_runs_ahead_makes_no_fact_of_the_future() -> None:
    found = fact_of(event("unsubscribed", occurred_at=NOW + 9 * DAY_MS))
    assert found is not None
    assert found.since == NOW


def test_a_reason_holds_no_address() -> None:
    told = event("bounced", "invalid_recipient", "address", "permanent", smtp_response="no ada@example.com here")
    found = fact_of(told)
    assert found is not None
    assert found.reason == "invalid_recipient"


def test_an_opt_in_takes_back_the_opt_out_of_its_scope_only() -> None:
    book = Book()
    for told in (event("unsubscribed", stream="news"), event("unsubscribed", stream="sales"), event("complained")):
        found = fact_of(told)
        assert found is not None
        book.take(found)
    back = fact_of(event("subscribed", stream="news", occurred_at=NOW + 1, received_at=NOW + 1))
    assert back is not None
    book.take(back)
    assert causes(book, stream="news") == ["complaint"]
    assert causes(book, stream="sales") == ["complaint", "unsubscribe"]


def test_the_end_of_one_cause_hides_no_other() -> None:
    book = Book()
    book.take(fact("dead_address"))
    book.take(fact("unsubscribe"))
    book.take(fact("dead_address", NOW + 1, "removed"))
    assert causes(book) == ["unsubscribe"]


def test_without_a_stream_every_scope_counts() -> None:
    book = Book()
    book.take(fact(scope="news"))
    assert causes(book) == ["unsubscribe"]
    assert causes(book, stream="news") == ["unsubscribe"]
    assert causes(book, stream="receipts") == []


def test_of_two_facts_of_one_moment_the_suppression_counts() -> None:
    for order in (("active", "removed"), ("removed", "active")):
        book = Book()
        for status in order:
            book.take(fact(status=status))
        assert causes(book) == ["unsubscribe"]


def test_full_mailboxes_on_three_days_rest_and_then_are_tried_again() -> None:
    book = Book()
    for days_ago, expected in ((20, []), (20, []), (10, []), (0, ["soft"])):
        told = event("bounced", "mailbox_full", "address", "transient", occurred_at=NOW - days_ago * DAY_MS)
        day = failing_day_of(told)
        assert day is not None
        book.take_day("acme", KEY, day)
        assert causes(book) == expected
    assert causes(book, NOW + 15 * DAY_MS - 1) == ["soft"]
    assert causes(book, NOW + 15 * DAY_MS) == []


def test_what_was_only_deferred_is_no_failing_day() -> None:
    assert failing_day_of(event("deferred", "mailbox_full", "address", "transient")) is None


FACTS = st.builds(
    fact,
    cause=st.sampled_from([SuppressionCause.UNSUBSCRIBE, SuppressionCause.COMPLAINT]),
    since=st.integers(NOW, NOW + 1),
    status=st.sampled_from(list(SuppressionStatus)),
    scope=st.sampled_from(["tenant", "news"]),
    until=st.sampled_from([0, NOW + 9]),
    event_id=st.sampled_from(["", "a"]),
    reason=st.sampled_from(["", "x"]),
)
DAYS = st.lists(st.integers(20_000, 20_130), min_size=1, max_size=12)


@given(st.lists(FACTS, max_size=12), st.data())
def test_facts_in_any_order_and_repeated_make_the_same_list(facts: list[Suppression], data: st.DataObject) -> None:
    again = data.draw(
        st.permutations(facts + data.draw(st.lists(st.sampled_from(facts), max_size=5) if facts else st.just([])))
    )
    one, other = Book(), Book()
    for item in facts:
        one.take(item)
    for item in again:
        other.take(item)
    assert sorted(map(repr, one)) == sorted(map(repr, other))


@given(DAYS, st.data())
def test_failing_days_in_any_order_and_repeated_make_the_same_rest(days: list[int], data: st.DataObject) -> None:
    again = data.draw(st.permutations(days + data.draw(st.lists(st.sampled_from(days), max_size=3))))
    books = Book(), Book()
    for book, order in zip(books, (days, again), strict=True):
        for number in order:
            book.take_day("acme", KEY, number)
    for ahead in range(40):  # from the last failure on
        now_ms = (max(days) + ahead) * DAY_MS
        assert [repr(f) for f in books[0].in_force("acme", KEY, "", now_ms)] == [
            repr(f) for f in books[1].in_force("acme", KEY, "", now_ms)
        ]


@given(DAYS)
def test_the_rest_is_the_one_that_a_list_of_all_days_calls_for(days: list[int]) -> None:
    known = Days(days[0], 1)
    for number in days[1:]:
        known = joined(known, Days(number, 1))
    late = [d for d in set(days) if len({x for x in days if d - 30 < x <= d}) >= 3 and max(days) - d < 15]
    rest = rest_of(known)
    if late:
        assert rest == (max(late) * DAY_MS, (max(late) + 15) * DAY_MS)
    else:
        assert rest is None or rest[1] <= max(days) * DAY_MS


@given(st.lists(st.one_of(FACTS, st.integers(20_000, 20_040)), max_size=14), st.lists(st.booleans(), min_size=14))
def test_writers_that_did_not_know_of_each_other_end_with_one_list(
    told: list[Suppression | int], turns: list[bool]
) -> None:
    """Two write blindly; a reader mends what is less than it knows; then the last record of each key is the list."""
    writers, log = (Book(), Book()), list[Written]()
    for item, turn in zip(told, turns, strict=False):
        book = writers[turn]
        log += book.take_day("acme", KEY, item) if isinstance(item, int) else book.take(copy.copy(item))
    reader, better = Book(), dict[bytes, Written | None]()
    for record in log:
        better[record_key(record)] = reader.read(record)
    mended = [record for record in better.values() if record is not None]
    assert all(reader.read(record) is None for record in mended)
    after, compacted = Book(), {record_key(record): record for record in log + mended}
    for record in compacted.values():
        after.read(record)
    assert sorted(map(repr, after)) == sorted(map(repr, reader))
    assert after.in_trouble == reader.in_trouble


def test_known_facts_and_days_are_not_written_again() -> None:
    book = Book()
    assert book.take(fact()) == [fact()]
    assert book.take(fact()) == []
    assert book.take_day("acme", KEY, 5) == [FailingDays(tenant="acme", recipient_key=KEY, last_day=5, days=1)]
    assert book.take_day("acme", KEY, 5) == []


def test_old_trouble_is_forgotten_and_state_per_address_is_bounded() -> None:
    book = Book()
    for number in range(1000):
        (days, *_) = book.take_day("acme", KEY, number)
    assert isinstance(days, FailingDays)
    assert days.days.bit_length() == 63
    book.take_day("acme", "1" * 32, 1100)
    assert book.forget_days() == 1
    assert book.in_trouble == 1


def test_causes_are_listed_from_the_most_serious_on() -> None:
    book = Book()
    for cause in reversed(SuppressionCause):
        book.take(fact(cause))
    assert causes(book) == list(SuppressionCause)
    assert all(one != other for one, other in pairwise(causes(book)))
