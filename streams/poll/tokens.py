"""Access tokens out of credentials: a Google service account's key (RFC 7523) or a refresh token (RFC 6749 section 6).

Credentials are the JSON texts that the providers hand out: a service account's has `client_email`, `private_key` and
`token_uri`; a refresh token's has `client_id`, `refresh_token` and, for Google, `client_secret`. They are posted to
the providers' own token addresses and to no other, whatever the JSON says.
https://developers.google.com/identity/protocols/oauth2/service-account
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow ("Refresh the access token")
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from schemas.errors import Misconfigured, Transient
from streams.poll.asking import Asker

GOOGLE = "https://oauth2.googleapis.com/token"
MICROSOFT = "https://login.microsoftonline.com/consumers/oauth2/v2.0/token"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE_S = 3600  # the longest that Google takes


@dataclass(frozen=True, slots=True)
class Tokens:
    """`refresh`: the refresh token that the next exchange needs, "" if the old one stays."""

    access: str
    refresh: str = ""


def credentials_of(text: str) -> dict[str, str]:
    """The JSON object's texts. Raises Misconfigured without a word of the content."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Misconfigured("`poll.credentials` is no JSON object; see docs/poll.md")
    return {key: value for key, value in found.items() if isinstance(value, str)}


def assertion(credentials: dict[str, str], scope: str, subject: str, now_s: int) -> str:
    """The signed JWT (RS256) of a service account. Raises Misconfigured when its key is none."""
    try:
        key = load_pem_private_key(credentials["private_key"].encode(), None)
    except (KeyError, ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey) or not credentials.get("client_email"):
        raise Misconfigured("a service account's credentials need `client_email` and an RSA `private_key` in PEM")
    head = {"alg": "RS256", "typ": "JWT", "kid": credentials.get("private_key_id", "")}
    claims = {"iss": credentials["client_email"], "scope": scope, "aud": GOOGLE, "iat": now_s, "exp": now_s + _LIFE_S}
    if subject:
        claims["sub"] = subject
    signed = f"{_segment(head)}.{_segment(claims)}"
    return f"{signed}.{_base64url(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


async def google_token(asker: Asker, credentials: dict[str, str], scope: str, subject: str, now_s: int) -> Tokens:
    """A token for `scope`. Raises Transient when it is refused or cannot be had."""
    if credentials.get("private_key"):
        form = {"grant_type": _GRANT, "assertion": assertion(credentials, scope, subject, now_s)}
    else:
        form = _refreshing(credentials, client_secret=credentials.get("client_secret", ""))
    return await _exchanged(asker, GOOGLE, form)


async def microsoft_token(asker: Asker, credentials: dict[str, str]) -> Tokens:
    """A token for the client's own scope, and the refresh token that takes the old one's place."""
    scope = f"{credentials.get('client_id', '')}/.default offline_access"
    return await _exchanged(asker, MICROSOFT, _refreshing(credentials, scope=scope))


def _refreshing(credentials: dict[str, str], **more: str) -> dict[str, str]:
    if not (credentials.get("client_id") and credentials.get("refresh_token")):
        raise Misconfigured("`poll.credentials` need `client_id` and `refresh_token`")
    wanted = {name: credentials[name] for name in ("client_id", "refresh_token")}
    return {"grant_type": "refresh_token", **wanted, **{name: value for name, value in more.items() if value}}


async def _exchanged(asker: Asker, url: str, form: dict[str, str]) -> Tokens:
    answer = await asker.ask("POST", url, data=form)
    try:
        found: Any = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = None
    found = found if isinstance(found, dict) else {}
    access, refresh = found.get("access_token"), found.get("refresh_token")
    if answer.status != 200 or not isinstance(access, str):
        raise Transient(f"the credentials were refused a token (status {answer.status}, {_code(found)})")
    return Tokens(access, refresh if isinstance(refresh, str) else "")


def _code(found: dict[str, Any]) -> str:
    """RFC 6749 section 5.2: one word out of a fixed list; whatever else stands there is not repeated."""
    known = {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}
    return str(found.get("error")) if found.get("error") in {*known, "invalid_scope"} else "no reason told"


def _segment(value: dict[str, Any]) -> str:
    return _base64url(json.dumps({name: item for name, item in value.items() if item}).encode())


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
