"""Mandrill's check of a new address must not open a door: its key for it is public."""

from __future__ import annotations

import pytest

from connectors.base import Request
from connectors.mandrill import Mandrill
from schemas.errors import FailureCode, Rejected
from tests.contract.signers.base import Signed
from tests.contract.signers.mandrill import MandrillSigner
from tests.contract.signers.ses import FakeCertificates

EMPTY = b"mandrill_events=%5B%5D"
FORGED = b"mandrill_events=%5B%7B%22event%22%3A%22spam%22%7D%5D"
SIGNER = MandrillSigner()


def verify(signed: Signed) -> int:
    request = Request(headers=signed.headers, body=signed.body, url=signed.url)
    return Mandrill().verify(request, SIGNER.source(0), FakeCertificates()).secret_index


@pytest.mark.parametrize("body", [EMPTY, FORGED])
def test_the_public_key_of_address_checks_verifies_nothing(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        verify(SIGNER.sign_with("test-webhook", body))
    assert caught.value.code == FailureCode.BAD_SIGNATURE


def test_an_empty_batch_under_the_webhooks_own_key_is_accepted() -> None:
    assert verify(SIGNER.sign(EMPTY, 0, 0)) == 0


def test_the_url_is_signed_with_its_query() -> None:
    signed = SIGNER.sign(FORGED, 0, 0)
    with pytest.raises(Rejected):
        verify(Signed(signed.headers, signed.body, signed.url + "?a=b"))
