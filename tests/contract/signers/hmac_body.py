"""Providers that send the hex HMAC-SHA256 of the body in one header and sign nothing else."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of


class BodyHmacSigner:
    has_timestamp = False
    has_secrets = True
    covers_body = True

    def __init__(self, provider: str, header: str) -> None:
        self.provider, self.header = provider, header

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [f"signing-secret-{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        digest = hmac.new(f"signing-secret-{key}".encode(), body, hashlib.sha256)
        return Signed({self.header: digest.hexdigest()}, body)

    def strip(self, signed: Signed) -> Signed:
        return Signed({}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body + b"\n")
