"""Segment's own addresses, `/v1/track` and the like: libraries of Segment and RudderStack can post nowhere else.

They name no source, so the write key does: the user of the Basic credentials. Where a single source of the provider
`segment` is configured it is meant in any case, also by browsers, which put the key into the body. This only finds
the source; the key is checked with the body as for every source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from connectors.base import Request
from connectors.parts import BasicUser
from schemas.config import Source
from schemas.errors import Misconfigured
from streams.gateway.http import Head

PROVIDER = "segment"
_CALLS = ("track", "identify", "page", "screen", "group", "alias", "batch", "import", "t", "i", "p", "s", "g", "a", "b")
PATHS = frozenset(f"/v1/{call}" for call in _CALLS)
_USER = BasicUser()


class Callers:
    """Which source a call is for. Raises Misconfigured when two have the same write key."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._by_key: dict[bytes, str] = {}
        names = []
        for source in sources:
            if source.provider == PROVIDER:
                names.append(source.name)
                for secret in source.secrets:
                    self._learn(secret.get_secret_value(), source.name)
        self._only = names[0] if len(names) == 1 else ""

    def source_of(self, head: Head) -> str:
        """The name of the source, "" if the request does not say which one."""
        key = _USER.read(Request(headers=head.headers, body=b""))
        return self._by_key.get(_hidden(key), self._only)

    def _learn(self, secret: str, name: str) -> None:
        other = self._by_key.setdefault(_hidden(secret.encode()), name)
        if other != name:
            raise Misconfigured(
                f"sources {other!r} and {name!r} have the same write key, so calls to /v1/ could be for either;"
                " give each a key of its own"
            )


def _hidden(key: bytes) -> bytes:
    """Looked up by hash, so that the time it takes tells nothing about the keys."""
    return hashlib.sha256(key).digest()
