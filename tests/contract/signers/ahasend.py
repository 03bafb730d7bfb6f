"""AhaSend: Standard Webhooks, but the key is the secret's text as it stands."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of

DELIVERY = "wh_1234567890abcdef"


class AhaSendSigner:
    provider = "ahasend"
    has_timestamp = True
    has_secrets = True
    covers_body = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [self.secret(key) for key in keys], changes)

    def secret(self, key: int) -> str:
        return f"whsec_bGl0ZXJhbA{key}"

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        timestamp = str(at_ms // 1000)
        digest = hmac.new(
            self.secret(key).encode(), f"{DELIVERY}.{timestamp}.".encode() + body, hashlib.sha256
        ).digest()
        return Signed(
            {
                "webhook-id": DELIVERY,
                "webhook-timestamp": timestamp,
                "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
            },
            body,
        )

    def strip(self, signed: Signed) -> Signed:
        return Signed({"webhook-id": DELIVERY}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed({**signed.headers, "webhook-id": DELIVERY + "0"}, signed.body)
