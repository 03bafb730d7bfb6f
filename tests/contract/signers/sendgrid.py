"""SendGrid: ECDSA over timestamp and body."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from schemas.config import Source
from tests.contract.signers.base import Signed, ec_key, source_of


class SendGridSigner:
    provider = "sendgrid"
    has_timestamp = True
    has_secrets = True
    covers_body = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [self.public(key) for key in keys], changes)

    def public(self, key: int) -> str:
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        der = ec_key(key).public_key().public_bytes(serialization.Encoding.DER, spki)
        return base64.b64encode(der).decode()

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        timestamp = str(at_ms // 1000)
        signature = ec_key(key).sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return Signed(
            {
                "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
                "x-twilio-email-event-webhook-timestamp": timestamp,
            },
            body,
        )

    def strip(self, signed: Signed) -> Signed:
        return Signed({}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body + b" ")
