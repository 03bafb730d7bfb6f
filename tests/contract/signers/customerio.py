"""Customer.io: HMAC over a version, the time and the body."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of


class CustomerIoSigner:
    provider = "customerio"
    has_timestamp = True
    has_secrets = True
    covers_body = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [f"signing-key-{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        timestamp = str(at_ms // 1000)
        mac = hmac.new(f"signing-key-{key}".encode(), digestmod=hashlib.sha256)
        mac.update(f"v0:{timestamp}:".encode())
        mac.update(body)
        return Signed({"x-cio-timestamp": timestamp, "x-cio-signature": mac.hexdigest()}, body)

    def strip(self, signed: Signed) -> Signed:
        return Signed({"x-cio-timestamp": signed.headers["x-cio-timestamp"]}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body + b" ")
