"""Amazon SES event publishing through SNS: one notification per request, signed by Amazon's key.

Format: Amazon SES developer guide, "Examples of event data that Amazon SES publishes to Amazon SNS".
Signature: Amazon SNS developer guide, "Verifying the signatures of Amazon SNS messages": RSA PKCS#1
v1.5 with SHA-1 (version 1) or SHA-256 (version 2) over chosen keys and values, one a line. The
certificate is self-made; whoever verifies must be given it under its address (`certificates`).
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from streams.simulator.behaviour import Happening, Message
from streams.simulator.providers import Item, Signed, garbled, iso, uuid_text
from streams.simulator.ses_events import event

TOPIC = "arn:aws:sns:eu-west-1:123456789012:mailweir-demo"
_OLD_SIGNATURES = 0.15  # share signed by version 1, which older topics still use


class Ses:
    """An SES account that publishes its events to one SNS topic."""

    resolution_ms = 1
    batch_limit = 1
    retries = (408,)  # SNS takes other 4xx for a final answer

    def __init__(self, now: datetime) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._certificate = _certificate(self._key, now)
        name = hashes.Hash(hashes.MD5())  # noqa: S303 - 32 hex characters for a file name
        name.update(self._certificate)
        digest = name.finalize().hex()
        self._url = f"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{digest}.pem"

    def certificates(self) -> dict[str, str]:
        """The signing certificate (PEM) by the address that notifications name."""
        return {self._url: self._certificate.decode()}

    def message_id(self, message: Message) -> str:
        """`0102...-uuid-000000`, the form of the eu-west-1 region."""
        return f"0102{message.token[:12]}-{uuid_text(int(message.token, 16))}-000000"

    def item(self, happening: Happening) -> Item:
        """One event as it stands, serialised, in the notification's Message."""
        return event(happening)

    def sign(self, items: list[Any], wall_s: float, rng: Random) -> Signed:
        """One notification."""
        return self._notify(msgspec.json.encode(items[0]).decode(), wall_s, rng, self._key)

    def forge(self, items: list[Any], wall_s: float, rng: Random) -> Signed:
        """Signed with another key, or altered after signing."""
        text = msgspec.json.encode(items[0]).decode()
        if rng.random() < 0.5:
            return self._notify(text, wall_s, rng, self._stranger)
        signed = self._notify(text, wall_s, rng, self._key)
        return Signed(signed.headers, signed.body.replace(b"destination", b"destinatiom", 1))

    def garbage(self, wall_s: float, rng: Random) -> Signed:
        """A right signature around a Message that is no event."""
        return self._notify(garbled(rng).decode("latin-1"), wall_s, rng, self._key)

    def mistype(self, item: Item, rng: Random) -> None:
        """Incidental fields of a wrong type."""
        field, value = rng.choice((("headers", None), ("sendingAccountId", 12), ("headersTruncated", "no")))
        item["mail"] = {**item["mail"], field: value}

    def settings(self) -> Item:
        """The topic that may post here; the key comes as a certificate."""
        return {"topic_arns": [TOPIC]}

    def _notify(self, text: str, wall_s: float, rng: Random, key: rsa.RSAPrivateKey) -> Signed:
        fields = {
            "Type": "Notification",
            "MessageId": uuid_text(rng.getrandbits(128)),
            "TopicArn": TOPIC,
            "Message": text,
            "Timestamp": iso(int(wall_s * 1000)),
        }
        is_old = rng.random() < _OLD_SIGNATURES
        lines = "".join(f"{name}\n{fields[name]}\n" for name in sorted(fields))
        digest = hashes.SHA1() if is_old else hashes.SHA256()  # noqa: S303 - what version 1 says
        signature = key.sign(lines.encode(), padding.PKCS1v15(), digest)
        body = {
            **fields,
            "SignatureVersion": "1" if is_old else "2",
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": self._url,
            "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        }
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "User-Agent": "Amazon Simple Notification Service Agent",
            "x-amz-sns-message-type": "Notification",
            "x-amz-sns-message-id": fields["MessageId"],
            "x-amz-sns-topic-arn": TOPIC,
        }
        return Signed(headers, msgspec.json.encode(body))


def _certificate(key: rsa.RSAPrivateKey, now: datetime) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(days=1))
        .not_valid_after(now.astimezone(UTC) + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
