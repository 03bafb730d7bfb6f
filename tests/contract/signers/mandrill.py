"""Mandrill: HMAC over the webhook's URL and the sorted fields of the form."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qs

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of

URL = "https://hooks.example.com/webhooks/inbox"


class MandrillSigner:
    provider = "mandrill"
    has_timestamp = False
    has_secrets = True
    covers_body = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [f"webhook-key-{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        return self.sign_with(f"webhook-key-{key}", body)

    def sign_with(self, webhook_key: str, body: bytes) -> Signed:
        """The body as posted by a webhook whose key is this one."""
        fields = parse_qs(body.decode(), keep_blank_values=True, strict_parsing=True)
        message = URL
        for name in sorted(fields):
            message += name + fields[name][0]
        digest = hmac.new(webhook_key.encode(), message.encode(), hashlib.sha1).digest()
        return Signed({"x-mandrill-signature": base64.b64encode(digest).decode()}, body, URL)

    def strip(self, signed: Signed) -> Signed:
        return Signed({}, signed.body, signed.url)

    def alter(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body, signed.url + "/")
