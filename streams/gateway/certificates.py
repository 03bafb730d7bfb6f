"""Signing certificates by URL, over HTTP: fetched once, kept for a day, in bounded number, size and time.

Amazon SNS names the certificate's URL in each message ("Verifying the signatures of Amazon SNS messages");
the connector has checked host and path before it asks. A URL that failed is not tried again for a while,
so that forged messages cannot make the gateway a stream of outgoing requests.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx

from connectors.base import Certificates
from schemas.errors import Transient

_MAX_ENTRIES = 64  # a provider has one current certificate per region
_MAX_BYTES = 64 * 1024  # they are about 2 kB
_KEEP_S = 86_400.0
_RETRY_S = 30.0
_TIMEOUT_S = 3.0  # SNS waits 15 s for the whole answer


class CertificateStore(Certificates, Protocol):
    """Certificates that can say, without blocking, what they have."""

    def known(self, url: str) -> bytes | None:
        """The PEM bytes if `get` would return them at once, else None. Never blocks, never raises."""


@dataclass(frozen=True, slots=True)
class _Entry:
    pem: bytes  # b"": could not be had
    until: float


class HttpCertificates:
    """A `CertificateStore` over an httpx client. Thread-safe; `get` blocks while it fetches.

    `trusted`: certificates that are never fetched, by URL, for networks without a way out.
    """

    def __init__(
        self,
        client: httpx.Client,
        clock_s: Callable[[], float] = time.monotonic,
        *,
        trusted: Mapping[str, bytes] | None = None,
    ) -> None:
        self._client = client
        self._trusted = dict(trusted or {})
        self._clock_s = clock_s
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._fetching = threading.Lock()

    def get(self, url: str) -> bytes:
        """The PEM bytes at `url`. Raises Transient when they cannot be had now."""
        entry = self._fresh(url) or self._fetch_once(url)
        if not entry.pem:
            raise Transient("the signing certificate could not be fetched", max(0.0, entry.until - self._clock_s()))
        return entry.pem

    def known(self, url: str) -> bytes | None:
        """The PEM bytes if they are here."""
        entry = self._fresh(url)
        return entry.pem or None if entry else None

    def _fresh(self, url: str) -> _Entry | None:
        if url in self._trusted:
            return _Entry(self._trusted[url], float("inf"))
        entry = self._entries.get(url)
        return entry if entry and entry.until > self._clock_s() else None

    def _fetch_once(self, url: str) -> _Entry:
        """One fetch at a time; whoever waited for the same URL takes what the first one got."""
        if not self._fetching.acquire(timeout=_TIMEOUT_S):
            raise Transient("another signing certificate is being fetched", _TIMEOUT_S)
        try:
            entry = self._fresh(url)
            if entry is None:
                pem = self._fetch(url)
                entry = _Entry(pem, self._clock_s() + (_KEEP_S if pem else _RETRY_S))
                self._entries[url] = entry
                self._entries.move_to_end(url)
                while len(self._entries) > _MAX_ENTRIES:
                    failed = next((name for name, held in self._entries.items() if not held.pem), None)
                    self._entries.pop(failed or next(iter(self._entries)))  # addresses that lead nowhere go first
            return entry
        finally:
            self._fetching.release()

    def _fetch(self, url: str) -> bytes:
        """The bytes, or b"" when the answer is late, large, redirected or no certificate."""
        deadline = time.monotonic() + _TIMEOUT_S
        pem = b""
        try:
            with self._client.stream("GET", url, follow_redirects=False, timeout=_TIMEOUT_S) as response:
                if response.status_code != 200:
                    return b""
                for chunk in response.iter_bytes():
                    pem += chunk
                    if len(pem) > _MAX_BYTES or time.monotonic() > deadline:
                        return b""
        except (httpx.HTTPError, httpx.InvalidURL):
            return b""
        return pem if pem.lstrip().startswith(b"-----BEGIN CERTIFICATE") else b""
