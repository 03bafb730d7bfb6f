"""Postal: keys in every form that it hands them out in, and SHA-1 only for those who asked for it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.base import Request
from connectors.registry import connector
from connectors.rsa_keys import rsa_keys
from schemas.errors import FailureCode, Rejected
from tests.contract.signers.base import Signed, ec_key, rsa_key
from tests.contract.signers.postal import PostalSigner, public_pem
from tests.contract.signers.ses import FakeCertificates

BODY = (Path(__file__).parents[2] / "fixtures/webhooks/postal/sent/body.json").read_bytes()
POSTAL = connector("postal")
BETTER, WORSE = "x-postal-signature-256", "x-postal-signature"


def signed(*headers: str, key: int = 0) -> Signed:
    full = PostalSigner().sign(BODY, 0, key)
    return Signed({name: full.headers[name] for name in headers}, BODY)


def verify(given: Signed, **changes: Any) -> int:
    source = PostalSigner().source(0, **changes)
    return POSTAL.verify(Request(headers=given.headers, body=given.body), source, FakeCertificates()).secret_index


def refused(given: Signed, **changes: Any) -> FailureCode:
    with pytest.raises(Rejected) as caught:
        verify(given, **changes)
    return caught.value.code


def web_key(key: int = 0) -> dict[str, str]:
    numbers = rsa_key(key).public_key().public_numbers()
    return {"kty": "RSA", "n": _digits(numbers.n), "e": _digits(numbers.e), "alg": "RS256", "use": "sig"}


def _digits(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).decode().rstrip("=")


def bare(key: int = 0) -> str:
    der = rsa_key(key).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def test_a_signature_with_sha1_counts_only_where_the_source_says_so() -> None:
    assert refused(signed(WORSE)) == FailureCode.MISSING_SIGNATURE
    assert verify(signed(WORSE), is_sha1_accepted=True) == 0
    assert refused(signed(WORSE, key=9), is_sha1_accepted=True) == FailureCode.BAD_SIGNATURE
    assert refused(Signed({}, BODY), is_sha1_accepted=True) == FailureCode.MISSING_SIGNATURE


def test_a_good_signature_with_sha1_never_makes_up_for_a_bad_one_with_sha256() -> None:
    mixed = {BETTER: signed(BETTER, key=9).headers[BETTER], WORSE: signed(WORSE).headers[WORSE]}
    assert refused(Signed(mixed, BODY), is_sha1_accepted=True) == FailureCode.BAD_SIGNATURE
    assert verify(signed(BETTER), is_sha1_accepted=True) == 0


def test_one_hash_does_not_pass_for_the_other() -> None:
    swapped = Signed({BETTER: signed(WORSE).headers[WORSE]}, BODY)
    assert refused(swapped, is_sha1_accepted=True) == FailureCode.BAD_SIGNATURE
    assert refused(Signed({BETTER: "not base64!"}, BODY)) == FailureCode.BAD_SIGNATURE


@pytest.mark.parametrize(
    "secret",
    [
        public_pem(0),
        "\n" + public_pem(0) + "\n",
        bare(),
        f"v=DKIM1; t=s; h=sha256; p={bare()};",
        json.dumps(web_key()),
        json.dumps({"keys": [web_key(1), web_key()]}),
    ],
    ids=["pem", "pem with blanks", "bare", "dkim record", "json web key", "key set"],
)
def test_the_public_key_is_read_in_every_form_that_postal_hands_it_out_in(secret: str) -> None:
    assert verify(signed(BETTER), secrets=["something else", secret]) == 1


@pytest.mark.parametrize(
    "secret",
    [
        "secret",
        "p=",
        "{}",
        "{",
        '{"keys": 5}',
        '{"keys": [5, {"kty": "RSA", "n": "AA", "e": "!"}]}',
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        ec_key(0).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "ключ",
    ],
)
def test_what_is_no_rsa_key_verifies_nothing_and_raises_nothing(secret: str) -> None:
    assert rsa_keys(secret) == ()
    assert refused(signed(BETTER), secrets=[secret]) == FailureCode.BAD_SIGNATURE
