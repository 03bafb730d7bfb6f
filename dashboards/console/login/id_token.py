"""An ID token's claims, or why it is not believed. Pure.

What is checked is OpenID Connect Core 1.0, section 3.1.3.7: signature (JWS, RFC 7515, by keys as RFC 7517 writes them),
issuer, audience, authorized party, times, nonce. Only RS256 and ES256 are known: the token's header chooses among them,
never the kind of check, so neither `none` nor a shared secret can be talked in.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

_LEEWAY_S = 60  # between two clocks
_MOST_TOKEN = 64 * 1024
_LEAST_RSA_BITS = 2048
_KINDS = {"RS256": "RSA", "ES256": "EC"}
_P256_BYTES = 32
Claims = Mapping[str, Any]
Jwk = Mapping[str, Any]


class BadTokenError(ValueError):
    """Not to be believed; the text says why, and holds nothing of the token."""


class UnknownKeyError(BadTokenError):
    """Signed by a key that is not among the known ones; perhaps a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the token must say. `now_s`: epoch seconds."""

    issuer: str
    client_id: str
    nonce: str
    now_s: float


def claims_of(token: str, keys: Sequence[Jwk], expected: Expected) -> Claims:
    """The claims. Raises BadTokenError, UnknownKeyError."""
    parts = token.split(".")
    if len(token) > _MOST_TOKEN or len(parts) != 3:
        raise BadTokenError("it is no signed token")
    header, claims = _object(parts[0]), _object(parts[1])
    _check_signature(header, f"{parts[0]}.{parts[1]}".encode(), _bytes(parts[2]), keys)
    _check_claims(claims, expected)
    return claims


def _check_claims(claims: Claims, expected: Expected) -> None:
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    expires, issued = claims.get("exp"), claims.get("iat")
    nonce, subject = claims.get("nonce"), claims.get("sub")
    if claims.get("iss") != expected.issuer:
        raise BadTokenError("it is of another issuer")
    if expected.client_id not in audiences:
        raise BadTokenError("it is for another client")
    if claims.get("azp", expected.client_id) != expected.client_id or (len(audiences) > 1 and "azp" not in claims):
        raise BadTokenError("it was given to another client")
    if not isinstance(expires, int | float) or expected.now_s >= expires + _LEEWAY_S:
        raise BadTokenError("it has expired")
    if not isinstance(issued, int | float) or issued > expected.now_s + _LEEWAY_S:
        raise BadTokenError("it is of the future; check the clocks")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise BadTokenError("it is not of this login")
    if not isinstance(subject, str) or not subject:
        raise BadTokenError("it says of nobody")


def _check_signature(header: Mapping[str, Any], signed: bytes, signature: bytes, keys: Sequence[Jwk]) -> None:
    algorithm = header.get("alg")
    kind = _KINDS.get(algorithm) if isinstance(algorithm, str) else None
    if kind is None or algorithm is None:
        raise BadTokenError("its signature is neither RS256 nor ES256")
    if "crit" in header:
        raise BadTokenError("it asks for an extension that nobody here knows")
    fitting = [
        key
        for key in keys
        if key.get("kty") == kind
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and ("kid" not in header or key.get("kid") == header["kid"])
    ]
    if not fitting:
        raise UnknownKeyError("the issuer publishes no such key")
    if not any(_verifies(key, signed, signature) for key in fitting):
        raise BadTokenError("its signature is wrong")


def _verifies(key: Jwk, signed: bytes, signature: bytes) -> bool:
    try:
        if key["kty"] == "RSA":
            public = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
            if public.key_size < _LEAST_RSA_BITS:
                return False
            public.verify(signature, signed, padding.PKCS1v15(), SHA256())
        else:
            if key.get("crv") != "P-256" or len(signature) != 2 * _P256_BYTES:
                return False
            point = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1())
            r, s = (int.from_bytes(half) for half in (signature[:_P256_BYTES], signature[_P256_BYTES:]))
            point.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
    except (InvalidSignature, KeyError, ValueError):
        return False
    return True


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(part))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadTokenError("it is no signed token")
    return found


def _bytes(part: Any) -> bytes:
    if not isinstance(part, str):
        raise BadTokenError("it is no signed token")
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadTokenError("it is no signed token") from None


def _number(part: Any) -> int:
    return int.from_bytes(_bytes(part))
