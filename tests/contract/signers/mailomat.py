"""Mailomat: HMAC over three headers, not over the body."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of

EVENT_ID = "1d958822-0934-4c6a-abc8-5defec4baa64"


class MailomatSigner:
    provider = "mailomat"
    has_timestamp = True
    has_secrets = True
    covers_body = False

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [f"webhook-secret-{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        timestamp, event = str(at_ms // 1000), json.loads(body)["eventType"]
        signed = f"{EVENT_ID}.{event}.{timestamp}"
        digest = hmac.new(f"webhook-secret-{key}".encode(), signed.encode(), hashlib.sha256).hexdigest()
        return Signed(
            {
                "x-mom-webhook-id": EVENT_ID,
                "x-mom-webhook-event": event,
                "x-mom-webhook-timestamp": timestamp,
                "x-mom-webhook-signature": f"sha256={digest}",
            },
            body,
        )

    def strip(self, signed: Signed) -> Signed:
        return Signed({"x-mom-webhook-id": EVENT_ID}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed({**signed.headers, "x-mom-webhook-event": "failure_perm"}, signed.body)
