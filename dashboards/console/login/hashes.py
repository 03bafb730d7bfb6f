"""What a users file keeps in place of passwords and tokens.

A password: scrypt (RFC 7914) with its parameters and salt beside it, `$scrypt$ln=15,r=8,p=3$salt$hash` in the PHC
string format. N = 2^15, r = 8, p = 3 is one of the settings that OWASP's Password Storage Cheat Sheet holds equal to
N = 2^17, p = 1, at 32 MiB in place of 128: two at a time are what the console can bear. A token: 256 random bits, of
which a plain SHA-256 tells nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets

LEAST_PASSWORD, MOST_PASSWORD = 12, 256  # characters
_LOG_N, _R, _P = 15, 8, 3
_SIZE = 32
_FORM = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/-]{16,64})\$([\w+/-]{40,90})")
_TOKEN_FORM = re.compile(r"\$sha256\$[0-9a-f]{64}")
_MOST_LOG_N, _MOST_BYTES = 17, 160 * 1024 * 1024  # a file may ask for OWASP's strongest setting, and for no more
_LEAD = "mailweir_"  # by which scanners for leaked secrets find one


def password_hash(password: str, salt: bytes | None = None) -> str:
    """The string for the file; takes about 0.2 s. `salt`: 16 random bytes unless given."""
    salt = secrets.token_bytes(16) if salt is None else salt
    digest = _scrypt(password, salt, _LOG_N, _R, _P)
    return f"$scrypt$ln={_LOG_N},r={_R},p={_P}${_written(salt)}${_written(digest)}"


def is_password_hash(text: str) -> bool:
    """Whether `is_password` can read it."""
    found = _FORM.fullmatch(text)
    if found is None:
        return False
    log_n, r, p = (int(number) for number in found.groups()[:3])
    return 14 <= log_n <= _MOST_LOG_N and 1 <= r <= 8 and 1 <= p <= 10


def is_password(password: str, hashed: str) -> bool:
    """Whether it is the password; takes as long for a wrong one. `hashed` must be a password hash."""
    found = _FORM.fullmatch(hashed)
    if found is None or len(password) > MOST_PASSWORD:
        return False
    log_n, r, p = (int(number) for number in found.groups()[:3])
    return hmac.compare_digest(_scrypt(password, _read(found[4]), log_n, r, p), _read(found[5]))


def new_token() -> str:
    """A token to hand out, once."""
    return _LEAD + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """The string for the file."""
    return f"$sha256${hashlib.sha256(token.encode()).hexdigest()}"


def is_token_hash(text: str) -> bool:
    """Whether a token can have it."""
    return _TOKEN_FORM.fullmatch(text) is not None


def _scrypt(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << log_n, r=r, p=p, maxmem=_MOST_BYTES, dklen=_SIZE)


def _written(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


def _read(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return b""
