"""No body that a stranger can send makes a parser raise, lose what it could read, or forget what it could not."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from connectors.base import Connector, Request
from connectors.registry import CONNECTORS, connector
from schemas.avro import Codec
from schemas.errors import FailureCode
from tests.contract.cases import CASES, CONTEXT, NOW, Case, cases_of, parse
from tests.contract.damage import mutated_bodies

ALL = pytest.mark.parametrize("item", CONNECTORS, ids=lambda item: item.name)
EACH_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.provider}/{case.name}")


JSON_ONLY = pytest.mark.parametrize(
    "item",
    [item for item in CONNECTORS if all(case.suffix == ".json" for case in CASES if case.provider == item.name)],
    ids=lambda item: item.name,
)
GARBAGE = [b"", b"not json", b'{"a":', b"\xff\xfe\x00", b"[" * 100_000, b"\x00" * 1_000, b"a=1&b=%7B", b"\n\n\n"]


@ALL
@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_never_raises_and_is_kept(item: Connector, body: bytes) -> None:
    for case in cases_of(item):
        result = parse(item.name, body, headers=case.headers, url=case.url)
        for event in result.events:
            Codec().encode(event)
        assert result.events or result.failures or not body.strip()


@JSON_ONLY
@pytest.mark.parametrize("body", [b"", b"not json", b'{"a":', b"\xff\xfe\x00", b"[" * 100_000])
def test_a_body_that_is_no_json_is_one_failure_with_all_its_bytes(item: Connector, body: bytes) -> None:
    result = parse(item.name, body)
    assert not result.events
    assert [(f.code, f.item, f.index) for f in result.failures] == [(FailureCode.NOT_JSON, body, -1)]


@JSON_ONLY
@pytest.mark.parametrize("body", [b"5", b'"text"', b"null", b"true"])
def test_json_of_the_wrong_shape_is_one_failure_with_all_its_bytes(item: Connector, body: bytes) -> None:
    result = parse(item.name, body)
    assert not result.events
    assert [(f.code, f.item) for f in result.failures] == [(FailureCode.WRONG_SHAPE, body)]


@EACH_CASE
@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_deleting_or_mistyping_any_single_field_never_raises_and_still_encodes(case: Case, every: int) -> None:
    codec, known = Codec(), connector(case.provider)
    for body in islice(mutated_bodies(case), len(case.body) % every, None, every):
        result = known.parse(Request(headers=case.headers, body=body, url=case.url, received_at=NOW), CONTEXT)
        for event in result.events:
            codec.encode(event)
        assert all(isinstance(failure.item, bytes) and failure.reason for failure in result.failures)


@pytest.mark.parametrize("junk", [None, 5, "text", [], [1, 2], True])
@pytest.mark.parametrize(("provider", "name"), [("sendgrid", "delivery_events"), ("kumomta", "array")])
def test_one_unreadable_item_never_costs_the_others(provider: str, name: str, junk: Any) -> None:
    case = next(c for c in CASES if (c.provider, c.name) == (provider, name))
    items = json.loads(case.body)
    expected = [event.event_id for event in parse(provider, case.body).events]
    result = parse(provider, json.dumps([items[0], junk, *items[1:]]).encode())
    assert [event.event_id for event in result.events] == expected
    assert [(f.code, f.index, json.loads(f.item)) for f in result.failures] == [(FailureCode.ITEM_UNREADABLE, 1, junk)]


@ALL
def test_a_broken_string_or_number_anywhere_does_not_cost_the_batch(item: Connector) -> None:
    for case in [case for case in cases_of(item) if case.suffix == ".json"]:
        body = case.body.replace(b"ada@example.com", b"ada\\ud800@example.com")
        body = body.replace(b'"created": 1767221995', b'"created": NaN')
        events = parse(item.name, body, headers=case.headers).events
        assert len(events) == len(case.expected["events"])
        for event in events:
            Codec().encode(event)


@pytest.mark.parametrize("provider", ["sendgrid", "kumomta"])
def test_an_empty_list_is_no_event_and_no_failure(provider: str) -> None:
    result = parse(provider, b"[]")
    assert (result.events, result.failures) == ([], [])
