"""Checking that a request comes from who it says: small pieces that most providers' schemes are made of.

A scheme is declared, not programmed: where the signature stands, how it is encoded, which parts are
signed in which order, with which hash (`Hmac`), or a secret sent as it is (`SharedSecret`, `Token`, `AnyOf`
of them). All follow the same rules: raw bytes only, constant-time comparison (RFC 2104 with
`hmac.compare_digest`), every active secret is tried, a source without secrets is refused unless it says
`is_unsigned`, and age is judged only after the signature has proved the timestamp genuine. Asymmetric
schemes stand beside it in their provider's module and share `accept` and `check_age`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from connectors.base import Request, Verdict
from connectors.parts import Body, Fixed, Header, Part, Place
from connectors.values import from_any_time
from schemas.errors import FailureCode, Rejected

if TYPE_CHECKING:
    from schemas.config import Source

_UNAUTHORIZED = 401
_MOST_SIGNATURES = 8  # of one request; a rotation needs two


@dataclass(frozen=True, slots=True, kw_only=True)
class Hmac:
    """An HMAC over `signed` parts joined in order, found at `signature`, hex or base64.

    `timestamp`: the signed time (seconds since the epoch, or RFC 3339), None if the scheme has none;
    it must be among the signed parts to be worth anything. `separator`: what stands between several
    signatures, any of which may match; `version`: what each of those that count begins with. `key`: whether
    the secret is the key's text or its base64; `key_prefix` may stand before it and is no part of it.
    """

    signature: Place
    signed: tuple[Part, ...]
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    timestamp: Place | None = None
    separator: str = ""
    version: str = ""
    key: Literal["text", "base64"] = "text"
    key_prefix: str = ""

    def verify(self, request: Request, source: Source) -> Verdict:
        """The verdict; raises Rejected."""
        return accept(request, source, present=self._present, matches=self.matches, timestamp=self.timestamp)

    def _present(self, request: Request) -> str:
        for part in (self.signature, *((self.timestamp,) if self.timestamp else ())):
            if not part.read(request):
                return str(part)
        return ""

    def matches(self, request: Request, secret: str) -> bool:
        """Whether this secret made the request's signature."""
        key = self._key(secret)
        if not key:
            return False
        message = b"".join(part.read(request) for part in self.signed)
        expected = hmac.new(key, message, getattr(hashlib, self.algorithm)).digest()
        given = self.signature.read(request).decode("latin-1")
        pieces = given.split(self.separator) if self.separator else [given]
        found = [
            hmac.compare_digest(self._decoded(piece[len(self.version) :]), expected)
            for piece in pieces[:_MOST_SIGNATURES]
            if piece.startswith(self.version)
        ]
        return any(found)

    def _key(self, secret: str) -> bytes:
        text_of_key = secret.removeprefix(self.key_prefix)
        if self.key == "text":
            return text_of_key.encode()
        try:
            return base64.b64decode(text_of_key, validate=True)
        except (ValueError, binascii.Error):
            return b""

    def _decoded(self, given: str) -> bytes:
        try:
            if self.encoding == "hex":
                return bytes.fromhex(given)
            return base64.b64decode(given, validate=True)
        except (ValueError, binascii.Error):
            return b""


def standard_webhooks(prefix: str = "webhook", key: Literal["text", "base64"] = "base64") -> Hmac:
    """Standard Webhooks (specification 1.0.0), and Svix with the prefix "svix": `v1,` base64, one or several.

    `key` "text" is for senders whose key is the secret as it stands, whatever it begins with.
    """
    identifier, timestamp = Header(f"{prefix}-id"), Header(f"{prefix}-timestamp")
    return Hmac(
        signature=Header(f"{prefix}-signature"),
        signed=(identifier, Fixed(b"."), timestamp, Fixed(b"."), Body()),
        encoding="base64",
        timestamp=timestamp,
        separator=" ",
        version="v1,",
        key=key,
        key_prefix="whsec_" if key == "base64" else "",
    )


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The secret itself travels in the Authorization header: `Bearer <secret>`, or Basic (RFC 7617).

    A secret of the form `user:password` is also accepted as Basic credentials. It proves who sent the
    request, not that the body is unaltered: only use it over TLS.
    """

    header: str = "authorization"

    def verify(self, request: Request, source: Source) -> Verdict:
        """The verdict; raises Rejected."""
        return accept(request, source, present=self._present, matches=self._matches, timestamp=None)

    def _present(self, request: Request) -> str:
        return "" if request.headers.get(self.header, "").strip() else f"header {self.header}"

    def _matches(self, request: Request, secret: str) -> bool:
        scheme, _, credentials = request.headers.get(self.header, "").strip().partition(" ")
        given = credentials.strip().encode()
        if scheme.lower() == "basic" and ":" in secret:
            try:
                given = base64.b64decode(given, validate=True)
            except (ValueError, binascii.Error):
                return False
        elif scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given, secret.encode())


@dataclass(frozen=True, slots=True)
class Token:
    """The secret itself stands at `place`, as it is. Like `SharedSecret` it covers nothing but itself."""

    place: Place

    def verify(self, request: Request, source: Source) -> Verdict:
        """The verdict; raises Rejected."""
        return accept(request, source, present=self._present, matches=self._matches, timestamp=None)

    def _present(self, request: Request) -> str:
        return "" if self.place.read(request) else str(self.place)

    def _matches(self, request: Request, secret: str) -> bool:
        return hmac.compare_digest(self.place.read(request), secret.encode())


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The secret stands at one of several places, and it is the sender's choice which; one that matches is enough."""

    schemes: tuple[SharedSecret | Token, ...]

    def verify(self, request: Request, source: Source) -> Verdict:
        """The verdict; raises Rejected."""
        return accept(request, source, present=self._present, matches=self._matches, timestamp=None)

    def _present(self, request: Request) -> str:
        missing = [scheme._present(request) for scheme in self.schemes]  # noqa: SLF001 - one family
        return " or ".join(missing) if all(missing) else ""

    def _matches(self, request: Request, secret: str) -> bool:
        found = [scheme._matches(request, secret) for scheme in self.schemes]  # noqa: SLF001 - one family
        return any(found)


def accept(
    request: Request,
    source: Source,
    *,
    present: Callable[[Request], str],
    matches: Callable[[Request, str], bool],
    timestamp: Place | None,
) -> Verdict:
    """The rules that every scheme shares.

    `present` names the first part that the request lacks ("" if it is complete), `matches` checks one
    secret. Raises Rejected: no secret configured, signature missing, wrong, or older than the source allows.
    """
    secrets = source.secrets
    if not secrets:
        return unsigned(source)
    if missing := present(request):
        raise Rejected(
            _UNAUTHORIZED,
            FailureCode.MISSING_SIGNATURE,
            f"source {source.name!r} expects signed requests, but {missing} is missing",
        )
    # Every secret is tried even after a match, so that the time taken does not tell which one it was.
    found = [index for index, secret in enumerate(secrets) if matches(request, secret.get_secret_value())]
    if not found:
        raise Rejected(
            _UNAUTHORIZED,
            FailureCode.BAD_SIGNATURE,
            f"none of the {len(secrets)} secrets of source {source.name!r} verifies the request;"
            " check the secret, and that nothing on the way alters the body",
        )
    if timestamp is not None:
        check_age(from_any_time(timestamp.read(request).decode("ascii", "replace")), request, source)
    return Verdict(secret_index=found[0])


def unsigned(source: Source) -> Verdict:
    """The verdict for a source without secrets. Raises Rejected unless it is meant to be unsigned."""
    if source.is_unsigned:
        return Verdict()
    raise Rejected(
        _UNAUTHORIZED,
        FailureCode.MISSING_SIGNATURE,
        f"source {source.name!r} has no secrets, so nothing can be verified and everything is refused;"
        " add `secrets:`, or say `is_unsigned: true` if that is what you want",
    )


def check_age(signed_at: int, request: Request, source: Source) -> None:
    """Raise Rejected when `signed_at` (ms) is further from the receipt time than the source tolerates."""
    age_s = abs(request.received_at - signed_at) // 1000
    if age_s > source.tolerance_s:
        raise Rejected(
            _UNAUTHORIZED,
            FailureCode.STALE_TIMESTAMP,
            f"the signature is genuine but {age_s} s away from now; source {source.name!r} tolerates"
            f" {source.tolerance_s} s (tolerance_s): an old request sent again, or a wrong clock",
        )
