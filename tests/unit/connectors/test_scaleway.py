"""Scaleway: a signing certificate counts only from Scaleway's address and from an authority that the source names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Request
from connectors.certificates import voucher
from connectors.registry import connector
from schemas.errors import FailureCode, Rejected
from tests.contract.signers.base import Signed
from tests.contract.signers.scaleway import TOPIC, ScalewaySigner, authority, signing_certificate
from tests.contract.signers.ses import FakeCertificates, SesSigner

FIXTURES = Path(__file__).parents[2] / "fixtures" / "webhooks" / "scaleway"
NOW = 1_767_225_600_000
SCALEWAY = connector("scaleway")


class OneCertificate:
    """Whatever is asked for, this is served."""

    def __init__(self, pem: bytes) -> None:
        self.pem = pem

    def get(self, url: str) -> bytes:
        return self.pem


def signed(name: str = "delivered", key: int = 0) -> Signed:
    return ScalewaySigner().sign((FIXTURES / name / "body.json").read_bytes(), NOW, key)


def with_field(given: Signed, name: str, value: Any) -> Signed:
    return Signed(given.headers, json.dumps({**json.loads(given.body), name: value}).encode())


def request(given: Signed) -> Request:
    return Request(headers=given.headers, body=given.body, received_at=NOW)


def refused(given: Signed, certificates: Any = None, **changes: Any) -> FailureCode:
    with pytest.raises(Rejected) as caught:
        SCALEWAY.verify(request(given), ScalewaySigner().source(0, **changes), certificates or FakeCertificates())
    return caught.value.code


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://somebody-else.s3.fr-par.scw.cloud/fr-par/sns/sns-signing-0.pem",
        "https://messaging.s3.fr-par.scw.cloud.evil.example/fr-par/sns/sns-signing-0.pem",
        "https://messaging.s3.fr-par.scw.cloud/../other/sns-signing-0.pem",
        "https://messaging.s3.fr-par.scw.cloud/fr-par/sns/..pem",
        "https://messaging.s3.fr-par.scw.cloud/fr-par/sns/sns-signing-0.pem?x=1",
        "http://messaging.s3.fr-par.scw.cloud/fr-par/sns/sns-signing-0.pem",
        "https://messaging.s3.fr-par.scw.cloud/" + "a/" * 2_000 + "x.pem",
        "",
        None,
    ],
)
def test_a_certificate_from_anywhere_but_scaleway_is_never_fetched(url: Any) -> None:
    certificates = FakeCertificates()
    assert refused(with_field(signed(), "SigningCertURL", url), certificates) == FailureCode.BAD_SIGNATURE
    assert certificates.fetched == []


def test_scaleways_address_is_none_of_amazons() -> None:
    message = json.loads(SesSigner().sign((FIXTURES / "delivered/body.json").read_bytes(), NOW, 0).body)
    message["SigningCertURL"] = json.loads(signed().body)["SigningCertURL"]
    certificates = FakeCertificates()
    with pytest.raises(Rejected, match="is not an address of Amazon SNS"):
        connector("ses").verify(
            Request(headers={}, body=json.dumps(message).encode(), received_at=NOW),
            SesSigner().source(topic_arns=[TOPIC]),
            certificates,
        )
    assert certificates.fetched == []


def test_a_certificate_that_no_trusted_authority_has_issued_verifies_nothing() -> None:
    amazons = FakeCertificates().get("https://elsewhere.example/one-that-signed-itself.pem")
    assert refused(signed(), OneCertificate(amazons)) == FailureCode.BAD_SIGNATURE
    assert refused(signed(), secrets=[authority(9)]) == FailureCode.BAD_SIGNATURE
    assert refused(signed(), secrets=["no certificate at all"]) == FailureCode.BAD_SIGNATURE


def test_a_certificate_that_has_expired_verifies_nothing() -> None:
    assert refused(signed(), OneCertificate(signing_certificate(0, days=30))) == FailureCode.BAD_SIGNATURE


def test_a_source_without_an_authority_refuses_before_anything_is_fetched() -> None:
    certificates = FakeCertificates()
    assert refused(signed(), certificates, secrets=[]) == FailureCode.MISSING_SIGNATURE
    assert certificates.fetched == []


def test_a_chain_of_several_certificates_in_one_secret_vouches_for_what_any_of_them_has_issued() -> None:
    chain = authority(1) + authority(0)
    verdict = SCALEWAY.verify(request(signed()), ScalewaySigner().source(secrets=[chain]), FakeCertificates())
    assert verdict.secret_index == 0


def test_the_signing_certificate_itself_may_stand_for_its_authority() -> None:
    pem = signing_certificate(0)
    assert voucher(pem, [authority(1), pem.decode()], NOW) == 1
    assert voucher(pem, [], NOW) == -1
    assert voucher(b"<html>", [pem.decode()], NOW) == -1


def test_a_genuine_subscription_is_confirmed_at_the_address_that_scaleway_gives() -> None:
    given = signed("subscription_confirmation")
    verdict = SCALEWAY.verify(request(given), ScalewaySigner().source(0), FakeCertificates())
    assert verdict.fetch_url == json.loads(given.body)["SubscribeURL"]
    assert verdict.fetch_url.startswith("https://sns.mnq.fr-par.scaleway.com/?")


@pytest.mark.parametrize("url", ["https://sns.eu-west-1.amazonaws.com/?Action=x", "https://evil.example/?Action=x", ""])
def test_a_subscription_is_never_confirmed_at_a_foreign_address(url: str) -> None:
    message = {**json.loads((FIXTURES / "subscription_confirmation/body.json").read_bytes()), "SubscribeURL": url}
    assert refused(ScalewaySigner().sign(json.dumps(message).encode(), NOW, 0)) == FailureCode.BAD_SIGNATURE
