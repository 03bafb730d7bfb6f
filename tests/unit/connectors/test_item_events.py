"""A body becomes its events, or a failure that says in which way it is none."""

from __future__ import annotations

from operator import attrgetter

import pytest

from connectors.base import Context, ParseResult, Request
from connectors.canonical import complete
from connectors.item_events import LoneItems, add_each
from connectors.items import Item
from schemas.errors import FailureCode
from schemas.events import EmailEvent

CONTEXT = Context(tenant="acme", source="inbox", received_at=1_767_225_600_000)


class _Opened(Item):
    id: str = ""
    email: str = ""


BODIES = LoneItems(_Opened, attrgetter("id"), "`id`")


def fill(event: EmailEvent, item: _Opened, context: Context) -> None:
    event.recipient = item.email
    complete(event, context)


def mails(result: ParseResult) -> list[EmailEvent]:
    return [event for event in result.events if isinstance(event, EmailEvent)]


def test_a_whole_item_becomes_one_event() -> None:
    request = Request(headers={}, body=b'{"id": "1", "email": "ada@example.com"}', received_at=CONTEXT.received_at)
    result = BODIES.parse(request, CONTEXT, "someone", fill)
    assert [(event.provider, event.recipient) for event in mails(result)] == [("someone", "ada@example.com")]
    assert not result.failures


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (b"{", FailureCode.NOT_JSON, "the body is no JSON: "),
        (b'{"email": "ada@example.com"}', FailureCode.WRONG_SHAPE, "expected an object with `id`"),
        (b"[]", FailureCode.WRONG_SHAPE, "expected an object with `id`"),
    ],
)
def test_what_is_no_whole_item_is_kept_as_one_failure(body: bytes, code: FailureCode, reason: str) -> None:
    refused = BODIES.read(body)
    assert isinstance(refused, ParseResult)
    assert not refused.events
    (failure,) = refused.failures
    assert (failure.code, failure.item, failure.index) == (code, body, -1)
    assert failure.reason.startswith(reason)


def test_one_bad_item_of_a_list_costs_no_other() -> None:
    items = [_Opened(email="ada@example.com"), 7, _Opened(email="bob@example.com")]
    result = add_each(ParseResult(), items, _Opened, CONTEXT, "someone", fill)
    assert [(event.recipient, event.raw_index) for event in mails(result)] == [
        ("ada@example.com", 0),
        ("bob@example.com", 1),
    ]
    (failure,) = result.failures
    assert (failure.index, failure.item, failure.reason) == (1, b"7", "expected an event object, found int")
