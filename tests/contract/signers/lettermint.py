"""Lettermint: HMAC over time and body, both in one header."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of


class LettermintSigner:
    provider = "lettermint"
    has_timestamp = True
    has_secrets = True
    covers_body = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [f"whsec_lettermint{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        timestamp = str(at_ms // 1000)
        digest = hmac.new(f"whsec_lettermint{key}".encode(), timestamp.encode() + b"." + body, hashlib.sha256)
        return Signed(
            {
                "x-lettermint-signature": f"t={timestamp},v1={digest.hexdigest()}",
                "x-lettermint-delivery": timestamp,
                "x-lettermint-attempt": "1",
            },
            body,
        )

    def strip(self, signed: Signed) -> Signed:
        return Signed({"x-lettermint-delivery": signed.headers["x-lettermint-delivery"]}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        before, _, digest = signed.headers["x-lettermint-signature"].partition("v1=")
        changed = digest.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
        return Signed({**signed.headers, "x-lettermint-signature": f"{before}v1={changed}"}, signed.body)
