"""MailerSend: what anybody can sign with the published secret is the check of a new address, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Request
from connectors.mailersend import PUBLISHED_SECRET, MailerSend
from schemas.errors import FailureCode, Rejected
from tests.contract.signers.base import source_of
from tests.contract.signers.ses import FakeCertificates

FIXTURES = Path(__file__).parents[2] / "fixtures" / "webhooks" / "mailersend"
CHECK = (FIXTURES / "webhook_test" / "body.json").read_bytes()


def verify(body: bytes, secret: str = PUBLISHED_SECRET, **changes: Any) -> int:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    source = source_of("mailersend", ["signing-secret"], changes)
    return (
        MailerSend()
        .verify(Request(headers={"signature": signature}, body=body), source, FakeCertificates())
        .secret_index
    )


def refused(body: bytes, secret: str = PUBLISHED_SECRET, **changes: Any) -> FailureCode:
    with pytest.raises(Rejected) as caught:
        verify(body, secret, **changes)
    return caught.value.code


def test_the_check_of_a_new_address_is_answered_with_success() -> None:
    assert verify(CHECK) == -1
    assert verify(CHECK, "signing-secret") == 0
    assert refused(CHECK, "any other") == FailureCode.BAD_SIGNATURE
    assert refused(CHECK, secrets=[]) == FailureCode.MISSING_SIGNATURE


@pytest.mark.parametrize("name", ["hard_bounced", "version_1_opened", "unknown_type"])
def test_an_event_signed_with_the_published_secret_is_refused(name: str) -> None:
    assert refused((FIXTURES / name / "body.json").read_bytes()) == FailureCode.BAD_SIGNATURE


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"type": ["webhook.test"]}', b'{"data": "webhook.test"}'])
def test_only_the_check_itself_may_be_signed_with_the_published_secret(body: bytes) -> None:
    assert refused(body) == FailureCode.BAD_SIGNATURE


def test_nobody_can_fill_the_log_with_checks() -> None:
    assert refused(json.dumps({"type": "webhook.test", "data": "x" * 2_000}).encode()) == FailureCode.BAD_SIGNATURE
