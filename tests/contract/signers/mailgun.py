"""Mailgun: HMAC over timestamp and token, inside the body."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of


class MailgunSigner:
    provider = "mailgun"
    has_timestamp = True
    has_secrets = True
    covers_body = False

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [f"signing-key-{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        message = json.loads(body)
        timestamp, token = str(at_ms // 1000), "651869375b9df3c98fc15c4889b102119add1235c38fc92824"
        digest = hmac.new(f"signing-key-{key}".encode(), f"{timestamp}{token}".encode(), hashlib.sha256)
        message["signature"] = {"timestamp": timestamp, "token": token, "signature": digest.hexdigest()}
        return Signed({}, json.dumps(message).encode())

    def strip(self, signed: Signed) -> Signed:
        message = json.loads(signed.body)
        del message["signature"]
        return Signed({}, json.dumps(message).encode())

    def alter(self, signed: Signed) -> Signed:  # Mailgun signs timestamp and token only, not the event
        message = json.loads(signed.body)
        message["signature"]["token"] += "0"
        return Signed({}, json.dumps(message).encode())
