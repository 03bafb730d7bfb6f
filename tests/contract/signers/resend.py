"""Resend: Svix, HMAC over id, timestamp and body."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of


class ResendSigner:
    provider = "resend"
    has_timestamp = True
    has_secrets = True
    covers_body = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, ["whsec_" + base64.b64encode(_key(key)).decode() for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        identifier, timestamp = "msg_2nTQwJh0YvXr6lKq3FbZ", str(at_ms // 1000)
        content = f"{identifier}.{timestamp}.".encode() + body
        signature = base64.b64encode(hmac.new(_key(key), content, hashlib.sha256).digest()).decode()
        headers = {"svix-id": identifier, "svix-timestamp": timestamp, "svix-signature": f"v1,{signature}"}
        return Signed(headers, body)

    def strip(self, signed: Signed) -> Signed:
        return Signed({name: value for name, value in signed.headers.items() if name != "svix-signature"}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed({**signed.headers, "svix-id": "msg_other"}, signed.body)


def _key(key: int) -> bytes:
    return f"resend-signing-key-{key:05}".encode()
