"""RSA public keys out of the texts that providers hand them over as.

A source's secret may be a PEM block, the same in bare base64 (also as the `p=` of a DKIM record, RFC 6376), one JSON
Web Key, or a set of them (RFC 7517). Not a certificate: `connectors.certificates` judges those.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from connectors.values import decode, mapping, sequence, text

_CACHED = 64  # texts; a source has one or two
_MOST_KEYS = 8  # of one set
_LONGEST = 4_096  # base64 digits of a number; RSA of 16,384 bits needs 2,731
_BASE64_DIGITS = re.compile(r"[A-Za-z0-9+/=\s]+")


@lru_cache(maxsize=_CACHED)
def rsa_keys(secret: str) -> tuple[rsa.RSAPublicKey, ...]:
    """The keys in the text, at most eight; none if there is no RSA key in it. Never raises."""
    given = secret.strip()
    if given.startswith("{"):
        return _json_web_keys(given)
    found = _loaded(given)
    return (found,) if isinstance(found, rsa.RSAPublicKey) else ()


def _loaded(given: str) -> Any:
    try:
        if given.startswith("-----"):
            return load_pem_public_key(given.encode())
        tags = (tag.strip() for tag in given.split(";"))
        digits = next((tag[2:] for tag in tags if tag.startswith("p=")), given)
        return load_der_public_key(base64.b64decode(digits)) if _BASE64_DIGITS.fullmatch(digits) else None
    except (ValueError, UnsupportedAlgorithm):
        return None


def _json_web_keys(given: str) -> tuple[rsa.RSAPublicKey, ...]:
    try:
        document = mapping(decode(given.encode()))
    except ValueError:
        return ()
    listed = sequence(document.get("keys")) or [document]
    keys = (_json_web_key(mapping(item)) for item in listed[:_MOST_KEYS])
    return tuple(key for key in keys if key is not None)


def _json_web_key(item: dict[str, Any]) -> rsa.RSAPublicKey | None:
    """RFC 7518 section 6.3.1: modulus and exponent as numbers in base64url."""
    try:
        return rsa.RSAPublicNumbers(e=_number(item.get("e")), n=_number(item.get("n"))).public_key()
    except ValueError:
        return None


def _number(value: Any) -> int:
    digits = text(value)[:_LONGEST]
    return int.from_bytes(base64.urlsafe_b64decode(digits + "=" * (-len(digits) % 4)))
