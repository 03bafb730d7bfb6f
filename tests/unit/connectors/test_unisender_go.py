"""Unisender Go: `auth` is read in the raw body, so nothing about its form may change, and none but it is replaced."""

from __future__ import annotations

import hashlib
import json

import pytest

from connectors.base import Context, Request
from connectors.unisender_go import UnisenderGo
from schemas.errors import FailureCode, Rejected
from tests.contract.signers.base import source_of
from tests.contract.signers.ses import FakeCertificates

KEY = "6gp3ndz1cf8mz4cjp8wtp4zn7r8rcs1g1e6q4yby"
CONTEXT = Context(tenant="acme", source="src", received_at=1_767_225_600_000)
OTHER = "0123456789abcdef0123456789abcdef"


def signed(template: str) -> bytes:
    """The body with its `auth`, %s in the template, worked out."""
    return (template % hashlib.md5((template % KEY).encode(), usedforsecurity=False).hexdigest()).encode()


def verify(body: bytes) -> int:
    source = source_of("unisender_go", ["old-key", KEY], {})
    return UnisenderGo().verify(Request(headers={}, body=body), source, FakeCertificates()).secret_index


@pytest.mark.parametrize(
    "template",
    [
        '{"auth":"%s","events_by_user":[]}',
        '{"events_by_user" : [],\n "auth" :\t"%s" }',
        '{"events_by_user":[{"name":"\\u0418\\u043c\\u044f \\/ Имя"}],"auth":"%s"}',
        '{"events_by_user":[{"events":[{"event_data":{"metadata":{"auth":"' + OTHER + '"}}}]}],"auth":"%s"}',
    ],
)
def test_the_body_counts_byte_for_byte_wherever_auth_stands(template: str) -> None:
    assert verify(signed(template)) == 1


def test_a_digest_in_capitals_counts_too() -> None:
    body = signed('{"auth":"%s","events_by_user":[]}')
    digest = json.loads(body)["auth"].encode()
    assert verify(body.replace(digest, digest.upper())) == 1


def test_the_key_itself_in_the_place_of_auth_proves_nothing() -> None:
    with pytest.raises(Rejected) as caught:
        verify(f'{{"auth":"{KEY}","events_by_user":[]}}'.encode())
    assert caught.value.code == FailureCode.MISSING_SIGNATURE


def test_a_user_without_a_list_of_events_is_kept_and_costs_nobody_else() -> None:
    body = json.dumps(
        {
            "events_by_user": [
                {"events": 5},
                {"events": [{"event_name": "transactional_email_status", "event_data": {}}]},
            ]
        }
    ).encode()
    result = UnisenderGo().parse(Request(headers={}, body=body), CONTEXT)
    assert len(result.events) == 1
    assert [(f.code, f.index, f.item) for f in result.failures] == [(FailureCode.ITEM_UNREADABLE, 0, body)]
