"""Sources of activities: HMACs over the body with and without a time, and secrets in the URL."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of

URL = "https://hooks.example.com/webhooks/inbox"
METHOD = "POST"


def mac(secret: str | bytes, message: bytes, algorithm: str = "sha256") -> bytes:
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, message, algorithm).digest()


class _OverTheBody:
    """An altered body is noticed; secrets are texts."""

    provider = ""
    has_timestamp = False
    has_secrets = True
    covers_body = True

    def secret(self, key: int) -> str:
        return f"shared-secret-{key}"

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [self.secret(key) for key in keys], changes)

    def strip(self, signed: Signed) -> Signed:
        return Signed({}, signed.body, URL)

    def alter(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body + b" ", signed.url)


class HeaderSigner(_OverTheBody):
    """One header with the HMAC-SHA256 of the body in base64: Shopify, WooCommerce."""

    def __init__(self, provider: str, header: str) -> None:
        self.provider, self.header = provider, header

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        return Signed({self.header: base64.b64encode(mac(self.secret(key), body)).decode()}, body)


class SegmentSigner(_OverTheBody):
    """The Webhooks destination; write keys have a test of their own."""

    provider = "segment"

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        return Signed({"x-signature": mac(self.secret(key), body, "sha1").hex()}, body)


class StripeSigner(_OverTheBody):
    provider = "stripe"
    has_timestamp = True

    def secret(self, key: int) -> str:
        return f"whsec_{key:032x}"

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        seconds = str(at_ms // 1000)
        signature = mac(self.secret(key), seconds.encode() + b"." + body).hex()
        return Signed({"stripe-signature": f"t={seconds},v1={'00' * 32},v1={signature},v0={'11' * 32}"}, body)


class HubSpotSigner(_OverTheBody):
    """Version 3; the older ones have a test of their own."""

    provider = "hubspot"
    has_timestamp = True

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        message = METHOD.encode() + URL.encode() + body + str(at_ms).encode()
        signature = base64.b64encode(mac(self.secret(key), message)).decode()
        return Signed({"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": str(at_ms)}, body, URL)


class StandardWebhooksSigner(_OverTheBody):
    provider = "standardwebhooks"
    has_timestamp = True

    def secret(self, key: int) -> str:
        return "whsec_" + base64.b64encode(hashlib.sha256(b"%d" % key).digest()).decode()

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        seconds, message_id = str(at_ms // 1000), "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
        secret = base64.b64decode(self.secret(key).removeprefix("whsec_"))
        message = f"{message_id}.{seconds}.".encode() + body
        signature = "v1," + base64.b64encode(mac(secret, message)).decode()
        headers = {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": f"v1a,AAAA {signature}"}
        return Signed(headers, body)


class QuerySigner(_OverTheBody):
    """A secret in the URL proves nothing about the body."""

    covers_body = False

    def __init__(self, provider: str, parameter: str) -> None:
        self.provider, self.parameter = provider, parameter

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        return Signed({}, body, f"{URL}?measurement_id=G-1&{self.parameter}={self.secret(key)}")

    def alter(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body, signed.url + "0")
