"""AWS Signature Version 4 for one request: the headers that prove who sent it and when.

The signature is an HMAC-SHA256 over a canonical form of method, path, query, headers and body, under a
key derived from the secret, the day, the region and the service; the secret itself never travels. What is
signed here is `host`, `x-amz-date`, with temporary credentials `x-amz-security-token`, and every header
that is given; others may be added to the request afterwards. Paths are encoded once more than they stand
in the URL, as every service but S3 asks, and must be free of dots and empty segments, which would have to
be normalised.

Source: AWS IAM User Guide, "Create a signed AWS API request" (canonical request, string to sign, signing
key, Authorization header); checked against the vectors of AWS's Signature Version 4 test suite.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
STANDARD_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsCredentials:
    """An access key; `session_token` only for temporary ones (IDs that begin with ASIA)."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def signed_headers(
    credentials: AwsCredentials,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    region: str,
    service: str,
    now_ms: int,
) -> dict[str, str]:
    """`headers` (lower-case names) and those that sign them.

    `now_ms` is wall time; AWS refuses what is signed minutes away from its own.
    """
    timestamp = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    sent = {**headers, "host": _host(url), "x-amz-date": timestamp}
    if credentials.session_token:
        sent["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(sent))
    request_hash = hashlib.sha256(_canonical_request(method, url, sent, body).encode()).hexdigest()
    text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{request_hash}"
    signature = hmac.digest(_signing_key(credentials.secret_access_key, scope), text.encode(), "sha256").hex()
    sent["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


def _canonical_request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> str:
    parts = urlsplit(url)
    lines = [f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers)]
    return "\n".join((
        method,
        quote(parts.path or "/", safe="/-_.~"),
        _canonical_query(parts.query),
        "".join(lines),
        ";".join(sorted(headers)),
        hashlib.sha256(body).hexdigest(),
    ))  # fmt: skip


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    return "&".join(sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs))


def _signing_key(secret_access_key: str, scope: str) -> bytes:
    key = b"AWS4" + secret_access_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _host(url: str) -> str:
    """The Host header as HTTP clients write it: without the scheme's own port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_standard = parts.port is None or parts.port == STANDARD_PORTS.get(parts.scheme)
    return host if is_standard else f"{host}:{parts.port}"
