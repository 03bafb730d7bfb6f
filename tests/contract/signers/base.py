"""What a signer is, and the keys that signers share.

A signer makes genuine requests of its provider out of a fixture's body, written from the provider's documentation
and not from our verifier. Each provider has its own module here and a line in `tests/contract/signing.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from schemas.config import Source


@dataclass(frozen=True)
class Signed:
    """What is posted: headers with lower-case names, the body, and the URL."""

    headers: dict[str, str]
    body: bytes
    url: str = "https://hooks.example.com/webhooks/inbox"


class Signer(Protocol):
    """Makes genuine requests. `key` numbers the secrets; key 9 is one that no source knows.

    `covers_body`: an altered body is noticed. Bearer tokens and the like cover nothing but themselves.
    """

    provider: str
    has_timestamp: bool
    has_secrets: bool
    covers_body: bool

    def source(self, *keys: int, **changes: Any) -> Source:
        """A source that knows these keys."""

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        """The body as the provider would post it at that moment."""

    def strip(self, signed: Signed) -> Signed:
        """The same request without its signature."""

    def alter(self, signed: Signed) -> Signed:
        """The same request with one signed thing changed."""


def source_of(provider: str, secrets: list[str], changes: dict[str, Any]) -> Source:
    """The source "inbox" with these secrets."""
    return Source.model_validate({"name": "inbox", "provider": provider, "secrets": secrets, **changes})


class BearerSigner:
    """Providers that only send a secret along, in the Authorization header."""

    has_timestamp = False
    has_secrets = True
    covers_body = False

    def __init__(self, provider: str) -> None:
        self.provider = provider

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [f"token-{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        return Signed({"authorization": f"Bearer token-{key}"}, body)

    def strip(self, signed: Signed) -> Signed:
        return Signed({}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed({"authorization": signed.headers["authorization"] + "0"}, signed.body)


@cache
def ec_key(key: int) -> ec.EllipticCurvePrivateKey:
    """A P-256 key, the same in every run."""
    return ec.derive_private_key(1_000_003 + key, ec.SECP256R1())


@cache
def rsa_key(key: int) -> rsa.RSAPrivateKey:
    """An RSA key of 2,048 bits, made once a run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
