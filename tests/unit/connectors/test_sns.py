"""Amazon SNS: nothing is fetched from, or confirmed at, any address but Amazon's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Request
from connectors.registry import connector
from schemas.errors import FailureCode, Rejected, Transient
from tests.contract.signers.base import Signed
from tests.contract.signers.ses import FakeCertificates, SesSigner

FIXTURES = Path(__file__).parents[2] / "fixtures" / "webhooks" / "ses"
NOW = 1_767_225_600_000
SES = connector("ses")


def fixture(name: str) -> bytes:
    return (FIXTURES / name / "body.json").read_bytes()


def signed(name: str = "delivery", version: str = "2") -> Signed:
    return SesSigner().sign(fixture(name), NOW, 0, version)


def with_field(given: Signed, name: str, value: Any) -> Signed:
    return Signed(given.headers, json.dumps({**json.loads(given.body), name: value}).encode())


def request(given: Signed) -> Request:
    return Request(headers=given.headers, body=given.body, received_at=NOW)


def refused(given: Signed, **changes: Any) -> tuple[FailureCode, list[str]]:
    certificates = FakeCertificates()
    with pytest.raises(Rejected) as caught:
        SES.verify(request(given), SesSigner().source(**changes), certificates)
    return caught.value.code, certificates.fetched


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_signature_versions_are_accepted(version: str) -> None:
    verdict = SES.verify(request(signed(version=version)), SesSigner().source(), FakeCertificates())
    assert (verdict.secret_index, verdict.fetch_url) == (-1, "")


def test_an_unknown_signature_version_is_refused() -> None:
    assert refused(with_field(signed(), "SignatureVersion", "3"))[0] == FailureCode.BAD_SIGNATURE


def test_a_version_one_signature_is_no_version_two_signature() -> None:
    assert refused(with_field(signed(version="1"), "SignatureVersion", "2"))[0] == FailureCode.BAD_SIGNATURE


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://bucket.s3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com/other/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem?x=1",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem\n",
        "https://user@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0123456789abcdef.pem",
        "",
        None,
        5,
    ],
)
def test_a_certificate_from_anywhere_but_amazon_sns_is_never_fetched(url: Any) -> None:
    assert refused(with_field(signed(), "SigningCertURL", url)) == (FailureCode.BAD_SIGNATURE, [])


def test_a_certificate_of_the_chinese_regions_is_fetched() -> None:
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0123456789abcdef.pem"
    certificates = FakeCertificates()
    SES.verify(request(with_field(signed(), "SigningCertURL", url)), SesSigner().source(), certificates)
    assert certificates.fetched == [url]


def test_a_topic_that_is_not_listed_is_refused_before_anything_is_fetched() -> None:
    assert refused(signed(), topic_arns=["arn:aws:sns:eu-west-1:1:other"]) == (FailureCode.TOPIC_NOT_ALLOWED, [])
    assert refused(signed(), topic_arns=[]) == (FailureCode.TOPIC_NOT_ALLOWED, [])


def test_an_unsigned_source_still_refuses_foreign_topics_when_it_lists_some() -> None:
    code, _ = refused(signed(), topic_arns=["arn:aws:sns:eu-west-1:1:other"], is_unsigned=True)
    assert code == FailureCode.TOPIC_NOT_ALLOWED


def test_raw_delivery_without_an_envelope_is_refused_with_a_hint() -> None:
    raw = Signed({}, json.loads(fixture("delivery"))["Message"].encode())
    with pytest.raises(Rejected, match="raw message delivery"):
        SES.verify(request(raw), SesSigner().source(), FakeCertificates())


def test_what_is_no_certificate_is_worth_another_try() -> None:
    class Broken:
        def get(self, url: str) -> bytes:
            return b"<html>gateway timeout</html>"

    with pytest.raises(Transient, match="no PEM certificate"):
        SES.verify(request(signed()), SesSigner().source(), Broken())


def test_a_genuine_subscription_is_confirmed_at_the_address_that_amazon_gives() -> None:
    verdict = SES.verify(request(signed("subscription_confirmation")), SesSigner().source(), FakeCertificates())
    assert verdict.fetch_url == json.loads(fixture("subscription_confirmation"))["SubscribeURL"]


@pytest.mark.parametrize(
    "url", ["https://evil.example/?Action=ConfirmSubscription", "http://sns.eu-west-1.amazonaws.com/?Action=x", ""]
)
def test_a_subscription_is_never_confirmed_at_a_foreign_address(url: str) -> None:
    message = {**json.loads(fixture("subscription_confirmation")), "SubscribeURL": url}
    assert refused(SesSigner().sign(json.dumps(message).encode(), NOW, 0))[0] == FailureCode.BAD_SIGNATURE
