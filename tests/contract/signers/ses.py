"""Amazon SES through SNS: RSA over the message's fields, with a certificate by URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from schemas.config import Source
from tests.contract.signers import scaleway
from tests.contract.signers.base import rsa_key, source_of
from tests.contract.signers.sns import SnsSigner

TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses-events"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{:032x}.pem"


class SesSigner(SnsSigner):
    provider = "ses"
    certificate_url = CERTIFICATE_URL
    version = "2"
    has_secrets = False  # the certificate is Amazon's; the topic list is what a source configures

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [], {"topic_arns": [TOPIC], **changes})


@dataclass
class FakeCertificates:
    """The certificates of the signing keys, by URL; Amazon's of key 9 is never to be had under a known URL."""

    fetched: list[str] = field(default_factory=list)

    def get(self, url: str) -> bytes:
        self.fetched.append(url)
        for key in (0, 1):
            if url == CERTIFICATE_URL.format(key):
                return _certificate(key)
        for key in (0, 1, 9):
            if url == scaleway.CERTIFICATE_URL.format(key):
                return scaleway.signing_certificate(key)
        return _certificate(0)


@cache
def _certificate(key: int) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = datetime(2025, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(key + 1)
    builder = builder.public_key(rsa_key(key).public_key())
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    return builder.sign(rsa_key(key), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
