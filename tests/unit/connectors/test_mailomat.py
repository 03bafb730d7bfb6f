"""Mailomat: the signature names its algorithm and covers the type of the event, and neither is left to the sender."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from connectors.base import Request
from connectors.registry import connector
from schemas.errors import FailureCode, Rejected
from tests.contract.signers.base import source_of
from tests.contract.signers.ses import FakeCertificates

MAILOMAT = connector("mailomat")
SECRET = "NgD3IyUA0oLfkM5IyL8tdMNJeIYeBXOpAcnulN1du1aqh3jFbo766lKdJvMePUy5"
SIGNED_AT = 1_718_004_211_000
HEADERS = {  # as posted in the tests of Symfony's bridge to Mailomat, with the secret above
    "x-mom-webhook-id": "1d958822-0934-4c6a-abc8-5defec4baa64",
    "x-mom-webhook-event": "delivered",
    "x-mom-webhook-timestamp": "1718004211",
    "x-mom-webhook-signature": "sha256=1a1e3be272212aefe668db51231f54ba66759d6d4b9c5e03d4aa6825f8eb157c",
}


def verify(headers: dict[str, str], event_type: Any = "delivered", **changes: Any) -> int:
    body = json.dumps({"id": "a", "eventType": event_type}).encode()
    request = Request(headers=headers, body=body, received_at=SIGNED_AT)
    return MAILOMAT.verify(request, source_of("mailomat", [SECRET], changes), FakeCertificates()).secret_index


def test_a_published_signature_is_accepted() -> None:
    assert verify(HEADERS) == 0


def test_another_algorithm_is_refused_though_its_digest_is_right() -> None:
    signed = f"{HEADERS['x-mom-webhook-id']}.delivered.1718004211".encode()
    digest = hmac.new(SECRET.encode(), signed, hashlib.md5).hexdigest()
    for written in (f"md5={digest}", digest, f"sha256={digest}"):
        with pytest.raises(Rejected):
            verify({**HEADERS, "x-mom-webhook-signature": written})


@pytest.mark.parametrize("event_type", ["failure_perm", "", None, 5, ["delivered"]])
def test_a_signature_for_one_type_does_not_carry_another(event_type: Any) -> None:
    with pytest.raises(Rejected) as caught:
        verify(HEADERS, event_type)
    assert (caught.value.status, caught.value.code) == (401, FailureCode.BAD_SIGNATURE)


def test_a_source_without_secrets_does_not_look_at_the_headers() -> None:
    assert verify({}, secrets=[], is_unsigned=True) == -1
