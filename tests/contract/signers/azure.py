"""Azure Event Grid: a secret in the query of the address."""

from __future__ import annotations

from typing import Any

from schemas.config import Source
from tests.contract.signers.base import Signed, source_of


class AzureSigner:
    provider = "azure"
    has_timestamp = False
    has_secrets = True
    covers_body = False

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [f"grid+code/{key}=" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        return Signed({"aeg-event-type": "Notification"}, body, f"{Signed.url}?code=grid%2Bcode%2F{key}%3D")

    def strip(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body, signed.url + "0")
