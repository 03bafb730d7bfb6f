"""The raw webhook: one verified HTTP request exactly as it came, the first thing that is made safe.

Parsing happens behind the log, so a parser's defect is mended and the same bytes are read again.
Headers that carry credentials (Authorization, Cookie) are left out; everything else is kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from schemas.events import Millis

_SEPARATOR = b"\x1f"  # ASCII unit separator: cannot occur in a source's name or in a URL


@dataclass(slots=True, kw_only=True)
class Header:
    """One HTTP header; names in lower case."""

    name: str
    value: str


@dataclass(slots=True, kw_only=True)
class RawWebhook:
    """One request: `body` is the body's bytes as signed, after content-encoding is undone.

    `secret_index` says which of the source's secrets verified it (-1: the source has none).
    """

    request_id: str
    tenant: str
    source: str
    provider: str
    received_at: Millis
    url: str
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    client_ip: str = ""
    secret_index: int = -1


def request_id(source: str, url: str, body: bytes) -> str:
    """32 hex characters; the same bytes for the same source and address get the same one.

    Half of a SHA-256 (FIPS 180-4), for which processors have instructions.
    """
    digest = hashlib.sha256(_SEPARATOR.join((source.encode(), url.encode(), b"")))
    digest.update(body)
    return digest.hexdigest()[:32]
