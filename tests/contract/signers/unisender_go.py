"""Unisender Go: MD5 over the body with the API key in the place of `auth`."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of


class UnisenderGoSigner:
    provider = "unisender_go"
    has_timestamp = False
    has_secrets = True
    covers_body = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [_key(key) for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        unsigned = json.dumps({**json.loads(body), "auth": _key(key)}).encode()
        digest = hashlib.md5(unsigned, usedforsecurity=False).hexdigest()
        return Signed({}, unsigned.replace(_key(key).encode(), digest.encode()))

    def strip(self, signed: Signed) -> Signed:
        message = json.loads(signed.body)
        del message["auth"]
        return Signed({}, json.dumps(message).encode())

    def alter(self, signed: Signed) -> Signed:
        return Signed({}, signed.body.replace(b"example.com", b"example.net"))


def _key(key: int) -> str:
    return f"{key}gp3ndz1cf8mz4cjp8wtp4zn7r8rcs1g1e6q4yby"
