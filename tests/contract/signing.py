"""Signing requests the way the providers do, written from their documentation and not from our verifiers.

Each signer makes genuine requests of its provider out of a fixture's body. A new provider adds one
signer and one line to SIGNERS.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from schemas.config import Source

TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses-events"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{:032x}.pem"


@dataclass(frozen=True)
class Signed:
    """What is posted: headers with lower-case names, and the body."""

    headers: dict[str, str]
    body: bytes


class Signer(Protocol):
    """Makes genuine requests. `key` numbers the secrets; key 9 is one that no source knows."""

    provider: str
    has_timestamp: bool
    has_secrets: bool

    def source(self, *keys: int, **changes: Any) -> Source:
        """A source that knows these keys."""

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        """The body as the provider would post it at that moment."""

    def strip(self, signed: Signed) -> Signed:
        """The same request without its signature."""

    def alter(self, signed: Signed) -> Signed:
        """The same request with one signed thing changed."""


def _source(provider: str, secrets: list[str], changes: dict[str, Any]) -> Source:
    return Source.model_validate({"name": "inbox", "provider": provider, "secrets": secrets, **changes})


class SendGridSigner:
    provider = "sendgrid"
    has_timestamp = True
    has_secrets = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return _source(self.provider, [self.public(key) for key in keys], changes)

    def public(self, key: int) -> str:
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        der = _ec_key(key).public_key().public_bytes(serialization.Encoding.DER, spki)
        return base64.b64encode(der).decode()

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        timestamp = str(at_ms // 1000)
        signature = _ec_key(key).sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return Signed(
            {
                "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
                "x-twilio-email-event-webhook-timestamp": timestamp,
            },
            body,
        )

    def strip(self, signed: Signed) -> Signed:
        return Signed({}, signed.body)

    def alter(self, signed: Signed) -> Signed:
        return Signed(signed.headers, signed.body + b" ")


class SesSigner:
    provider = "ses"
    has_timestamp = True
    has_secrets = False  # the certificate is Amazon's; the topic list is what a source configures

    def source(self, *keys: int, **changes: Any) -> Source:
        return _source(self.provider, [], {"topic_arns": [TOPIC], **changes})

    def sign(self, body: bytes, at_ms: int, key: int, version: str = "2") -> Signed:
        message = json.loads(body)
        moment = datetime.fromtimestamp(at_ms / 1000, UTC)
        message["Timestamp"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message["SigningCertURL"] = CERTIFICATE_URL.format(key)
        message["SignatureVersion"] = version
        names = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"]
        if message["Type"] == "Notification":
            names = [name for name in names if name not in {"SubscribeURL", "Token"}]
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        digest = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = _rsa_key(key).sign(text.encode(), padding.PKCS1v15(), digest)
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


class MailgunSigner:
    provider = "mailgun"
    has_timestamp = True
    has_secrets = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return _source(self.provider, [f"signing-key-{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        message = json.loads(body)
        timestamp, token = str(at_ms // 1000), "651869375b9df3c98fc15c4889b102119add1235c38fc92824"
        digest = hmac.new(f"signing-key-{key}".encode(), f"{timestamp}{token}".encode(), hashlib.sha256)
        message["signature"] = {"timestamp": timestamp, "token": token, "signature": digest.hexdigest()}
        return Signed({}, json.dumps(message).encode())

    def strip(self, signed: Signed) -> Signed:
        message = json.loads(signed.body)
        del message["signature"]
        return Signed({}, json.dumps(message).encode())

    def alter(self, signed: Signed) -> Signed:  # Mailgun signs timestamp and token only, not the event
        message = json.loads(signed.body)
        message["signature"]["token"] += "0"
        return Signed({}, json.dumps(message).encode())


class KumoMtaSigner:
    provider = "kumomta"
    has_timestamp = False
    has_secrets = True

    def source(self, *keys: int, **changes: Any) -> Source:
        return _source(self.provider, [f"token-{key}" for key in keys], changes)

    def sign(self, body: bytes, at_ms: int, key: int) -> Signed:
        return Signed({"authorization": f"Bearer token-{key}"}, body)

    def strip(self, signed: Signed) -> Signed:
        return Signed({}, signed.body)

    def alter(self, signed: Signed) -> Signed:  # a bearer token covers nothing but itself
        return Signed({"authorization": signed.headers["authorization"] + "0"}, signed.body)


SIGNERS: tuple[Signer, ...] = (SendGridSigner(), SesSigner(), MailgunSigner(), KumoMtaSigner())


@dataclass
class FakeCertificates:
    """The certificates of the signing keys, by URL; key 9 is never to be had under a known URL."""

    fetched: list[str] = field(default_factory=list)

    def get(self, url: str) -> bytes:
        self.fetched.append(url)
        for key in (0, 1):
            if url == CERTIFICATE_URL.format(key):
                return _certificate(key)
        return _certificate(0)


@cache
def _ec_key(key: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(1_000_003 + key, ec.SECP256R1())


@cache
def _rsa_key(key: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _certificate(key: int) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = datetime(2025, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(key + 1)
    builder = builder.public_key(_rsa_key(key).public_key())
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    return builder.sign(_rsa_key(key), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
