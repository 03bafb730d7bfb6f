"""One-click links: the token in the path is signed, the body is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of

BASE = "https://hooks.example.com/u/"


def text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


class OneClickSigner:
    provider = "oneclick"
    has_timestamp = False
    has_secrets = True
    covers_body = False

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [f"signing-key-{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        payload = text(json.dumps(["default", "ada@example.com", "newsletter", "winter-sale"]).encode())
        signed = b"mailweir one-click 1\x1f" + payload.encode()
        signature = hmac.new(f"signing-key-{key}".encode(), signed, hashlib.sha256).digest()[:16]
        return Signed({}, body, f"{BASE}1{payload}.{text(signature)}")

    def strip(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body, BASE)

    def alter(self, signed: Signed) -> Signed:  # somebody else's address under the same signature
        _, _, signature = signed.url.rpartition(".")
        payload = text(json.dumps(["default", "grace@example.com", "newsletter", "winter-sale"]).encode())
        return Signed(signed.headers, signed.body, f"{BASE}1{payload}.{signature}")
