"""Klaviyo: HMAC over the body and then the time, an HTTP date."""

from __future__ import annotations

import hashlib
import hmac
from email.utils import formatdate
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of


class KlaviyoSigner:
    provider = "klaviyo"
    has_timestamp = True
    has_secrets = True
    covers_body = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [f"secret-of-sixteen-{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        timestamp = formatdate(at_ms / 1000, usegmt=True)
        mac = hmac.new(f"secret-of-sixteen-{key}".encode(), body, hashlib.sha256)
        mac.update(timestamp.encode())
        return Signed({"klaviyo-timestamp": timestamp, "klaviyo-signature": mac.hexdigest()}, body)

    def strip(self, signed: Signed) -> Signed:
        return Signed({"klaviyo-timestamp": signed.headers["klaviyo-timestamp"]}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body + b" ")
