"""Which of the certificates that a source trusts vouches for a signing certificate that came over the network.

For services whose signing certificate may only be believed when their own authority has issued it (Scaleway Topics
and Events). A source's secrets are then PEM texts, each of one or several certificates: authorities, their
intermediates, or the signing certificate itself. All in them are trusted alike (RFC 5280 section 6.1 with a path of
length one), so no chain has to be searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature

_CACHED = 64  # pairs of signing certificate and secret; a source has one or two of each at a time


def voucher(pem: bytes, trusted: Sequence[str], at_ms: int) -> int:
    """The index of the first text in `trusted` that vouches for the certificate in `pem`; -1 if none does.

    `at_ms`: the moment at which the certificate must be valid. Never raises.
    """
    found = [index for index, text in enumerate(trusted) if _vouches(pem, text.encode())]
    return found[0] if found and _is_valid(pem, at_ms) else -1


@lru_cache(maxsize=_CACHED)
def _vouches(pem: bytes, trusted: bytes) -> bool:
    signing = _certificates(pem)[:1]
    return any(_is_from(certificate, one) for certificate in signing for one in _certificates(trusted))


def _is_from(certificate: x509.Certificate, trusted: x509.Certificate) -> bool:
    if certificate == trusted:
        return True
    try:
        certificate.verify_directly_issued_by(trusted)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_valid(pem: bytes, at_ms: int) -> bool:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return any(c.not_valid_before_utc <= moment <= c.not_valid_after_utc for c in _certificates(pem)[:1])


@lru_cache(maxsize=_CACHED)
def _certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Those in a PEM text, none if it is no such text."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        return ()
