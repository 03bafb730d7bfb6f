"""TLS reports by HTTPS: nothing is signed; a token stands in the URL that the domain publishes."""

from __future__ import annotations

from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of

URL = "https://hooks.example.com/webhooks/inbox"


class TlsReportSigner:
    provider = "tlsrpt"
    has_timestamp = False
    has_secrets = True
    covers_body = False

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [f"token-{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        return Signed({}, body, f"{URL}?token=token-{key}")

    def strip(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body, URL)

    def alter(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body, signed.url + "0")
