"""Items of a declared shape: the fast way and the lenient way give the same events, whatever was sent before."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import sendgrid
from connectors.base import Context, ParseResult, Request
from connectors.items import FlatItems, Item, ItemLists, ItemReader, lenient
from connectors.sendgrid import SendGrid
from schemas.errors import FailureCode
from schemas.events import EmailEvent
from tests.contract.cases import CASES

ITEMS = [item for case in CASES if case.provider == "sendgrid" for item in json.loads(case.body) if type(item) is dict]
WORDS = st.text(max_size=8)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    WORDS,
    st.lists(WORDS, max_size=2),
    st.dictionaries(WORDS, st.integers(-9, 9), max_size=2),
)
KEYS = st.one_of(st.sampled_from(sorted({key for item in ITEMS for key in item})), WORDS)


class Inner(Item):
    code: str = ""


class Outer(Item):
    name: str = ""
    inner: Inner = msgspec.field(default_factory=Inner)
    named: dict[str, Inner] = msgspec.field(default_factory=dict)
    maybe: Inner | None = None
    several: list[Inner] | None = None
    anything: Any = None
    given: Any = msgspec.UNSET


def context(source: str) -> Context:
    return Context(tenant="acme", source=source, received_at=1_767_225_600_000, recipient_secret="pepper")


def parsed(body: bytes, source: str = "src") -> ParseResult:
    return SendGrid().parse(Request(headers={}, body=body), context(source))


def events_of(items: FlatItems[sendgrid._Item], body: bytes) -> list[EmailEvent]:
    found = items.parse(Request(headers={}, body=body), context("src"), "sendgrid", sendgrid._fill)
    return [event for event in found.events if isinstance(event, EmailEvent)]


def reader() -> FlatItems[sendgrid._Item]:
    """One that has learned nothing yet."""
    return FlatItems(sendgrid._Item, sendgrid.KNOWN_KEYS)


def leniently(items: list[Any]) -> list[EmailEvent]:
    """Every item made from plain values: a lone broken one sends the whole body the lenient way."""
    return events_of(reader(), json.dumps([*items, 5]).encode())


@st.composite
def bodies(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Real items with some keys taken away, mistyped or added."""
    items = copy.deepcopy(draw(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3)))
    for item in items:
        for key in draw(st.lists(KEYS, max_size=3)):
            if key in item and draw(st.booleans()):
                del item[key]
            else:
                item[key] = draw(JUNK)
    return items


@settings(max_examples=200, deadline=None)
@given(batches=st.lists(bodies(), min_size=1, max_size=4))
def test_the_fast_way_and_the_lenient_way_give_the_same_events(batches: list[list[dict[str, Any]]]) -> None:
    fast = reader()
    for items in [*batches, *batches]:  # the second time with all keys learned
        assert events_of(fast, json.dumps(items).encode()) == leniently(items)


def test_what_was_read_before_changes_nothing_about_what_is_read_now() -> None:
    body = json.dumps([{"event": "open", "b": 1, "a": "x", "campaign_id": 7}]).encode()
    for other in ({"a": 1}, {"z": "text", "a": "x", "b": "y"}, {"campaign_id": True}, {f"k{n}": n for n in range(200)}):
        source = f"after {next(iter(other))} {len(other)}"
        parsed(json.dumps([other]).encode(), source)
        fresh, later = parsed(body, "fresh").events[0], parsed(body, source).events[0]
        assert isinstance(fresh, EmailEvent)
        assert isinstance(later, EmailEvent)
        assert (fresh.metadata, fresh.campaign_id) == ('{"a":"x","b":1,"campaign_id":7}', "7")
        assert (later.metadata, later.campaign_id) == (fresh.metadata, fresh.campaign_id)


def test_values_that_are_equal_but_not_the_same_keep_their_own_metadata() -> None:
    found = [parsed(json.dumps([{"event": "open", "n": value}]).encode()).events[0] for value in (1, True, 1.0, "1", 1)]
    assert [event.metadata for event in found if isinstance(event, EmailEvent)] == [
        '{"n":1}', '{"n":true}', '{"n":1.0}', '{"n":"1"}', '{"n":1}',
    ]  # fmt: skip


def test_a_sender_with_ever_new_keys_is_read_all_the_same_and_does_not_cost_memory() -> None:
    items = reader()
    for number in range(300):
        (event,) = events_of(items, json.dumps([{"event": "open", f"key{number}": "x"}]).encode())
        assert event.metadata == f'{{"key{number}":"x"}}'
    (layout,) = items._layouts.values()
    assert layout._is_wide
    assert len(layout._types) <= 64


def test_clean_bodies_are_read_the_fast_way_once_their_keys_are_known() -> None:
    items, body = reader(), json.dumps(ITEMS).encode()
    events_of(items, body)
    (layout,) = items._layouts.values()
    assert layout.read(body) is not None
    assert layout.read(json.dumps([*ITEMS, {"email": 5}]).encode()) is None


def test_events_of_one_request_share_no_list_that_somebody_might_change() -> None:
    first, second = parsed(b'[{"event": "open"}, {"event": "open"}]').events
    assert isinstance(first, EmailEvent)
    assert isinstance(second, EmailEvent)
    assert first.tags is not second.tags


@pytest.mark.parametrize("body", [b"5", b"null", b'"text"', b'[{"a":'])
def test_a_body_without_items_is_one_failure(body: bytes) -> None:
    result = parsed(body)
    assert not result.events
    assert [failure.item for failure in result.failures] == [body]
    assert result.failures[0].code in {FailureCode.WRONG_SHAPE, FailureCode.NOT_JSON}


def test_a_lenient_item_has_texts_where_texts_belong_and_anything_elsewhere() -> None:
    found = lenient(Outer, {"name": 5, "inner": {"code": None}, "anything": [1], "other": "x"})
    assert found == Outer(name="5", inner=Inner(code=""), anything=[1])
    assert lenient(Outer, {"inner": "text", "given": None}) == Outer(given=None)
    assert lenient(Outer, [1]) == Outer()


def test_what_is_no_item_stays_among_the_items_as_it_was_sent() -> None:
    found = ItemReader(Outer).read(b'{"several": [{"code": "a"}, 5, {"code": 6, "other": 1}, null]}').several
    assert found == [Inner(code="a"), 5, Inner(code="6"), None]


@pytest.mark.parametrize(
    "value",
    [
        {"name": "a", "inner": {"code": "b"}},
        {"name": 1},
        {"inner": None},
        {"maybe": None},
        {"maybe": {}},
        {"maybe": {"code": 5}},
        {"maybe": 5},
        {"named": {"a": {"code": "b"}, "c": {}}},
        {"named": {"a": {"code": 5}}},
        {"named": []},
        {"several": None},
        {"several": []},
        {"several": [{"code": "a"}, {}]},
        {"several": [{"code": "a"}, {"code": 5}, "text", None, [{}]]},
        {"several": {"code": "a"}},
        [],
        5,
        {},
    ],
)
def test_one_item_is_read_strictly_or_leniently_with_the_same_result(value: Any) -> None:
    assert ItemReader(Outer).read(json.dumps(value).encode()) == lenient(Outer, value)


def test_a_body_that_is_no_json_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match=r".+"):
        ItemReader(Outer).read(b"{")


def listed(body: bytes, key: str = "") -> tuple[list[Outer], list[tuple[FailureCode, int]]]:
    found: list[Outer] = []
    result = ItemLists(Outer, key).parse(Request(headers={}, body=body), lambda _, item: found.append(item))
    return found, [(failure.code, failure.index) for failure in result.failures]


@pytest.mark.parametrize("key", ["", "events"])
@pytest.mark.parametrize("broken", [[], [5], ["x", None], [[1]]])
def test_items_of_a_list_are_read_the_same_beside_broken_ones(key: str, broken: list[Any]) -> None:
    items = [{"name": "a", "inner": {"code": "b"}}, {"name": 1, "maybe": 5}, {}]
    both = [*items, *broken]
    found, failures = listed(json.dumps({key: both, "other": 1} if key else both).encode(), key)
    assert found == [lenient(Outer, item) for item in items]
    assert failures == [(FailureCode.ITEM_UNREADABLE, len(items) + place) for place in range(len(broken))]


@pytest.mark.parametrize(
    "body", [b'{"name": "a"}', b' {"name": "a"}', b'[{"name": "a"}]', b'{"name": "a", "maybe": 5}\n']
)
def test_a_lone_item_counts_as_a_list_of_one(body: bytes) -> None:
    assert listed(body) == ([Outer(name="a")], [])


@pytest.mark.parametrize("body", [b"5", b"null", b'{"other": []}', b'{"events": "x"}', b'{"events": null}'])
def test_json_without_its_list_is_one_failure(body: bytes) -> None:
    assert listed(body, "events") == ([], [(FailureCode.WRONG_SHAPE, -1)])
    assert listed(b"[{", "events") == ([], [(FailureCode.NOT_JSON, -1)])


VALUES = [{"name": "a"}, {"inner": {"code": "b"}}, {"named": {"x": {"code": "y"}}}, {"anything": [1]}, {}]


def test_an_array_is_read_strictly_or_leniently_with_the_same_items() -> None:
    reader = ItemLists(Outer)
    fast, nothing = reader.read(json.dumps(VALUES).encode())
    slow, refused = reader.read(json.dumps([*VALUES, 5]).encode())
    assert fast == slow == [lenient(Outer, value) for value in VALUES]
    assert nothing == ParseResult()
    assert [(failure.code, failure.index) for failure in refused.failures] == [(FailureCode.ITEM_UNREADABLE, 5)]


@pytest.mark.parametrize(
    "body", [b'{"name": "a"}', b' {"name": "a"}', b'[{"name": "a"}]', b'{"name": "a", "inner": null}']
)
def test_a_lone_object_is_an_array_of_one(body: bytes) -> None:
    assert ItemLists(Outer).read(body) == ([Outer(name="a")], ParseResult())


@pytest.mark.parametrize(
    ("body", "code"), [(b"[{", FailureCode.NOT_JSON), (b"{", FailureCode.NOT_JSON), (b"5", FailureCode.WRONG_SHAPE)]
)
def test_what_is_no_array_is_refused_with_the_bytes_it_came_in(body: bytes, code: FailureCode) -> None:
    for original, kept in ((b"", body), (b"field=" + body, b"field=" + body)):
        items, result = ItemLists(Outer).read(body, original)
        assert items == []
        assert [(failure.code, failure.item) for failure in result.failures] == [(code, kept)]


def test_dictionaries_of_items_leave_out_what_is_no_item() -> None:
    assert lenient(Outer, {"named": {"a": {"code": 5}, "b": 5, "c": None}}) == Outer(named={"a": Inner(code="5")})
