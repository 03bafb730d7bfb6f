"""Postal: RSA over the body, with SHA-1 and SHA-256, each in a header."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from schemas.config import Source
from tests.contract.signers.base import Signed, rsa_key, source_of


class PostalSigner:
    provider = "postal"
    has_timestamp = False
    has_secrets = True
    covers_body = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [public_pem(key) for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        better = rsa_key(key).sign(body, padding.PKCS1v15(), hashes.SHA256())
        worse = rsa_key(key).sign(body, padding.PKCS1v15(), hashes.SHA1())
        headers = {"x-postal-signature-256": better, "x-postal-signature": worse}
        return Signed({name: base64.b64encode(value).decode() for name, value in headers.items()}, body)

    def strip(self, signed: Signed) -> Signed:
        return Signed({}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body.replace(b"example.com", b"example.net"))


def public_pem(key: int) -> str:
    return rsa_key(key).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
