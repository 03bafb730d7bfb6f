"""Sweego: HMAC over delivery id, timestamp and body, in plain base64, under a key that is written in base64."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of

DELIVERY = "237e3736c687425d9ea8665216bcfe8a"


class SweegoSigner:
    provider = "sweego"
    has_timestamp = True
    has_secrets = True
    covers_body = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [base64.b64encode(self.key(key)).decode() for key in keys], changes)

    def key(self, key: int) -> bytes:
        return f"sweego-webhook-key-{key}".ljust(48, "=").encode()

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        timestamp = str(at_ms // 1000)
        digest = hmac.new(self.key(key), f"{DELIVERY}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        return Signed(
            {
                "webhook-id": DELIVERY,
                "webhook-timestamp": timestamp,
                "webhook-signature": base64.b64encode(digest).decode(),
            },
            body,
        )

    def strip(self, signed: Signed) -> Signed:
        return Signed({"webhook-id": DELIVERY}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed({**signed.headers, "webhook-id": DELIVERY + "0"}, signed.body)
