"""What a webhook that we sign needs of its configuration: an address, and a secret after Standard Webhooks.

Both are secrets: whoever knows an address may be able to post to it. A wrong one is never repeated in an error.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

SECRET_PREFIX = "whsec_"  # noqa: S105 - the mark of a Standard Webhooks secret
_MIN_KEY_BYTES = 16


def signing_key(secret: SecretStr) -> bytes:
    """The HMAC key in `whsec_<base64>`; empty for anything else."""
    text = secret.get_secret_value()
    try:
        return base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True) if text else b""
    except (binascii.Error, ValueError):
        return b""


def _address(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if text and not _is_http(text):
        raise ValueError("expected an address that begins with https:// (or http://)")
    return url


def _key(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value() and len(signing_key(secret)) < _MIN_KEY_BYTES:
        raise ValueError("expected whsec_ followed by the base64 of at least 16 random bytes")
    return secret


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and url.isascii() and url.isprintable()
    except ValueError:
        return False


WebhookUrl = Annotated[SecretStr, AfterValidator(_address)]
"""An address, or empty."""
WebhookSecret = Annotated[SecretStr, AfterValidator(_key)]
"""A secret that can sign, or empty."""
