"""Scaleway Topics and Events: SNS messages of version 1, with a certificate that Scaleway's authority has issued."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from schemas.config import Source
from tests.contract.signers.base import ec_key, rsa_key, source_of
from tests.contract.signers.sns import SnsSigner

TOPIC = "arn:scw:sns:fr-par:project-11111111-2222-3333-4444-555555555555:tem-events"
CERTIFICATE_URL = "https://messaging.s3.fr-par.scw.cloud/fr-par/sns/sns-signing-{}.pem"
START = datetime(2025, 1, 1, tzinfo=UTC)


class ScalewaySigner(SnsSigner):
    provider = "scaleway"
    certificate_url = CERTIFICATE_URL
    version = "1"
    has_secrets = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [authority(key) for key in keys], {"topic_arns": [TOPIC], **changes})


@cache
def authority(key: int) -> str:
    """The certificate of the authority that issues the signing certificate of `key`."""
    builder = _builder("authority", "authority", ec_key(key).public_key(), 3650)
    return builder.sign(ec_key(key), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@cache
def signing_certificate(key: int, days: int = 3650) -> bytes:
    """The signing certificate of `key`, valid for so many days of 2025 and after."""
    builder = _builder("sns.mnq.fr-par.scaleway.com", "authority", rsa_key(key).public_key(), days)
    return builder.sign(ec_key(key), hashes.SHA256()).public_bytes(Encoding.PEM)


def _builder(subject: str, issuer: str, public_key: Any, days: int) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer))
    builder = builder.public_key(public_key).serial_number(1)
    return builder.not_valid_before(START).not_valid_after(START + timedelta(days=days))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
