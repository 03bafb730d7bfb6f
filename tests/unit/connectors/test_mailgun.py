"""Mailgun: signatures of subaccounts, and forms of before 2018."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from connectors.base import Context, Request
from connectors.registry import connector
from schemas.errors import FailureCode, Rejected
from tests.contract.signers.base import source_of

FIXTURES = Path(__file__).parents[2] / "fixtures" / "webhooks" / "mailgun"
NOW = 1_767_225_600_000
TOKEN = "651869375b9df3c98fc15c4889b102119add1235c38fc92824"
FORM = {"content-type": "application/x-www-form-urlencoded"}
MAILGUN = connector("mailgun")


def signature(key: str, timestamp: str) -> str:
    return hmac.new(key.encode(), (timestamp + TOKEN).encode(), hashlib.sha256).hexdigest()


def verify(headers: dict[str, str], body: bytes, *keys: str, **changes: Any) -> int:
    request = Request(headers=headers, body=body, received_at=NOW)
    return MAILGUN.verify(request, source_of("mailgun", list(keys), changes), None).secret_index  # type: ignore[arg-type]


def refused(headers: dict[str, str], body: bytes, *keys: str) -> FailureCode:
    with pytest.raises(Rejected) as caught:
        verify(headers, body, *keys)
    return caught.value.code


def of_a_subaccount(own: str, parent: str | None) -> bytes:
    message = json.loads((FIXTURES / "subaccount" / "body.json").read_bytes())
    timestamp = str(NOW // 1000)
    message["signature"] = {"timestamp": timestamp, "token": TOKEN, "signature": signature(own, timestamp)}
    if parent is not None:
        message["signature"]["parent-signature"] = signature(parent, timestamp)
    return json.dumps(message).encode()


def test_the_key_of_the_subaccount_or_of_its_parent_verifies() -> None:
    body = of_a_subaccount("own", "parent")
    assert verify({}, body, "own") == 0
    assert verify({}, body, "parent") == 0
    assert verify({}, body, "another", "parent") == 1
    assert refused({}, body, "another") == FailureCode.BAD_SIGNATURE


def test_without_a_parent_signature_only_the_own_key_counts() -> None:
    body = of_a_subaccount("own", None)
    assert verify({}, body, "own") == 0
    assert refused({}, body, "parent") == FailureCode.BAD_SIGNATURE


def signed_form(name: str, key: str, at_ms: int = NOW) -> bytes:
    fields = parse_qsl((FIXTURES / name / "body.form").read_text(), keep_blank_values=True)[:-3]
    timestamp = str(at_ms // 1000)
    ours = [("timestamp", timestamp), ("token", TOKEN), ("signature", signature(key, timestamp))]
    return urlencode(fields + ours).encode()


@pytest.mark.parametrize("name", ["legacy_delivered", "legacy_clicked_same_names"])
def test_a_form_is_verified_by_its_last_fields_of_each_name(name: str) -> None:
    body = signed_form(name, "own")
    assert verify(FORM, body, "own") == 0
    assert verify({}, body, "own") == 0
    assert refused(FORM, body, "another") == FailureCode.BAD_SIGNATURE
    assert refused(FORM, signed_form(name, "own", NOW - 2 * 86_400_000), "own") == FailureCode.STALE_TIMESTAMP
    assert refused(FORM, body.replace(b"&signature=", b"&x="), "own") == FailureCode.MISSING_SIGNATURE


def test_a_multipart_form_is_verified_too() -> None:
    folder = FIXTURES / "legacy_dropped_multipart"
    headers = json.loads((folder / "headers.json").read_text())
    timestamp = str(NOW // 1000)
    body = (folder / "body.bin").read_bytes().replace(b"1767222000", timestamp.encode())
    token = b"06c96bafc3f42a66b9edd546347a2fe18dc23461fe80dc52f0"
    signed = body.replace(token, TOKEN.encode()).replace(
        b'"signature"\r\n\r\n00', f'"signature"\r\n\r\n{signature("own", timestamp)}'.encode()
    )
    assert verify(headers, signed, "own") == 0
    assert refused(headers, signed, "another") == FailureCode.BAD_SIGNATURE


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "&event=clicked&recipient=ada@example.com"}',
        b' [1, "&event=clicked"]',
        b"recipient=ada@example.com",
        b"a=1",
    ],
)
def test_what_only_looks_like_a_form_is_no_event(body: bytes) -> None:
    result = MAILGUN.parse(Request(headers=FORM, body=body), Context(tenant="t", source="s", received_at=NOW))
    assert not result.events
    assert len(result.failures) == 1


@pytest.mark.parametrize(
    "written", ["[", "5", "[[]]", '[["a"], [1, 2], "x", null]', '[["X-Mailgun-Variables", "5"]]', ""]
)
def test_unreadable_message_headers_cost_nothing_else(written: str) -> None:
    body = urlencode({"event": "delivered", "recipient": "ada@example.com", "message-headers": written}).encode()
    result = MAILGUN.parse(Request(headers=FORM, body=body), Context(tenant="t", source="s", received_at=NOW))
    assert [event.recipient for event in result.events if hasattr(event, "recipient")] == ["ada@example.com"]
