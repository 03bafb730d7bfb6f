"""AWS Signature Version 4 against vectors of AWS's own test suite (awslabs/aws-c-auth, aws-signing-test-suite/v4)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.controls.aws_signature import AwsCredentials, signed_headers

NOW = int(datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp() * 1000)
KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
FORM = {
    "content-type": "application/x-www-form-urlencoded",
    "content-length": "13",
    "x-amz-content-sha256": "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
}
TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
VECTORS = {
    "get-vanilla": ("GET", "/", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "post-vanilla": ("POST", "/", {}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "get-utf8": ("GET", "/ሴ", {}, b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    "get-space": (
        "GET", "/example space/", {}, b"", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    "get-vanilla-query-order-key-case": (
        "GET", "/?Param2=value2&Param1=value1", {}, b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "post-x-www-form-urlencoded": (
        "POST", "/", FORM, b"Param1=value1", "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
    ),
}  # fmt: skip


def signed(
    method: str = "GET",
    path: str = "/",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    session_token: str = "",
    origin: str = "https://example.amazonaws.com",
) -> dict[str, str]:
    return signed_headers(
        AwsCredentials(access_key_id="AKIDEXAMPLE", secret_access_key=KEY, session_token=session_token),
        method=method,
        url=origin + path,
        headers=headers or {},
        body=body,
        region="us-east-1",
        service="service",
        now_ms=NOW,
    )


@pytest.mark.parametrize("vector", VECTORS)
def test_signatures_agree_with_the_test_suite(vector: str) -> None:
    method, path, headers, body, signature = VECTORS[vector]
    names = ";".join(sorted({*headers, "host", "x-amz-date"}))
    assert signed(method, path, headers, body)["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def test_a_session_token_is_sent_and_signed() -> None:
    headers = signed(session_token=TOKEN)
    assert headers["x-amz-security-token"] == TOKEN
    assert headers["authorization"].endswith(
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"
    )


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://example.amazonaws.com:443", "example.amazonaws.com"),
        ("http://localhost:4566", "localhost:4566"),
        ("https://EXAMPLE.amazonaws.com", "example.amazonaws.com"),
    ],
)
def test_the_host_is_signed_as_http_clients_send_it(origin: str, host: str) -> None:
    assert signed(origin=origin)["host"] == host


def test_neither_key_nor_token_is_printed() -> None:
    printed = repr(AwsCredentials(access_key_id="AKIDEXAMPLE", secret_access_key=KEY, session_token=TOKEN))
    assert KEY not in printed
    assert TOKEN not in printed
