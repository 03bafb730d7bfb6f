"""One HTTP request as values: what connectors verify, and the record that is kept.

Text from outside may hold any byte. HTTP servers hand bad UTF-8 over as lone surrogates, which no record
can hold, so it is replaced here once. What a record must not hold is a credential: the headers made for
them are left out, and so is any header or part of the URL that contains a configured secret.
"""

from __future__ import annotations

import hashlib

from aiohttp import web

from connectors.base import Request, Verdict
from schemas.config import Source
from schemas.envelope import Header, RawWebhook
from schemas.identity import digest

_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_MIN_SECRET = 8  # shorter ones would blot out innocent text


def request_of(request: web.Request, body: bytes, public_url: str, received_at: int) -> Request:
    """The request for a connector: lower-case header names (repeated ones joined), the provider's URL."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {clean(value)}" if key in headers else clean(value)
    base = public_url.rstrip("/") or f"{request.scheme}://{clean(request.host)}"
    url = base + clean(request.rel_url.raw_path_qs)
    return Request(headers=headers, body=body, url=url, received_at=received_at)


def record_of(request: Request, source: Source, verdict: Verdict, client_ip: str) -> RawWebhook:
    """The record to keep. The same bytes for the same source get the same `request_id`."""
    secrets = [s.get_secret_value() for s in source.secrets if len(s.get_secret_value()) >= _MIN_SECRET]
    url = request.url
    for secret in secrets:
        url = url.replace(secret, "[secret]")
    return RawWebhook(
        request_id=digest(source.name, hashlib.blake2b(request.body, digest_size=16).hexdigest(), url),
        tenant=source.tenant,
        source=source.name,
        provider=source.provider,
        received_at=request.received_at,
        url=url,
        headers=[
            Header(name=name, value=value)
            for name, value in request.headers.items()
            if name not in _CREDENTIALS and not any(secret in value for secret in secrets)
        ],
        body=request.body,
        client_ip=client_ip,
        secret_index=verdict.secret_index,
    )


def clean(text: str) -> str:
    """`text` without lone surrogates: bytes that were no UTF-8 become U+FFFD."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
