"""Scaleway Topics and Events: SNS messages of version 1, with a certificate that Scaleway's authority has issued."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from schemas.config import Source
from tests.contract.signers.base import Signed, ec_key, rsa_key, source_of

TOPIC = "arn:scw:sns:fr-par:project-11111111-2222-3333-4444-555555555555:tem-events"
CERTIFICATE_URL = "https://messaging.s3.fr-par.scw.cloud/fr-par/sns/sns-signing-{}.pem"
START = datetime(2025, 1, 1, tzinfo=UTC)


class ScalewaySigner:
    provider = "scaleway"
    has_timestamp = True
    covers_body = False  # its fields are signed, not its bytes
    has_secrets = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return source_of(self.provider, [authority(key) for key in keys], {"topic_arns": [TOPIC], **changes})

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        message = json.loads(body)
        moment = datetime.fromtimestamp(at_ms / 1000, UTC)
        message["Timestamp"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message["SigningCertURL"] = CERTIFICATE_URL.format(key)
        message["SignatureVersion"] = "1"
        is_notification = message["Type"] == "Notification"
        own = ["Subject"] if is_notification else ["SubscribeURL", "Token"]
        names = sorted(["Message", "MessageId", "Timestamp", "TopicArn", "Type", *own])
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        signature = rsa_key(key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA1())
        message["Signature"] = base64.b64encode(signature).decode()
        return Signed({"x-amz-sns-message-type": message["Type"]}, json.dumps(message).encode())

    def strip(self, signed: Signed) -> Signed:
        message = json.loads(signed.body)
        del message["Signature"]
        return Signed(signed.headers, json.dumps(message).encode())

    def alter(self, signed: Signed) -> Signed:
        message = json.loads(signed.body)
        message["Message"] += " "
        return Signed(signed.headers, json.dumps(message).encode())


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
