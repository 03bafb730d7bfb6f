"""Amazon SNS over HTTPS, and services that speak its protocol: envelope, signatures, the subscription handshake.

The signed text is the listed fields as "name\\nvalue\\n" in byte order; version 1 is RSA with SHA-1,
version 2 with SHA-256, both PKCS #1 v1.5. The signing certificate is named by the message itself, so
its address is checked strictly before anything is fetched: https, host exactly
sns.<region>.amazonaws.com(.cn), path /SimpleNotificationService-<hex>.pem.
Source: "Verifying the signatures of Amazon SNS messages", Amazon SNS Developer Guide.

A genuine signature only proves that *some* SNS topic sent the message; anybody can make one. So the
source must list its topics, and nothing else is accepted, fetched or confirmed. Another service than
Amazon's is a `Service` of its own in its connector's module, with its own addresses.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors.base import Certificates, Request, Verdict
from connectors.certificates import voucher
from connectors.signatures import check_age, unsigned
from connectors.values import decode, from_rfc3339, mapping, text
from schemas.errors import FailureCode, Rejected, Transient

if TYPE_CHECKING:
    from schemas.config import Source

NOTIFICATION = "Notification"
SUBSCRIPTION_CONFIRMATION = "SubscriptionConfirmation"
UNSUBSCRIBE_CONFIRMATION = "UnsubscribeConfirmation"

_NOTIFICATION_FIELDS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION_FIELDS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED_FIELDS = {
    NOTIFICATION: _NOTIFICATION_FIELDS,
    SUBSCRIPTION_CONFIRMATION: _CONFIRMATION_FIELDS,
    UNSUBSCRIBE_CONFIRMATION: _CONFIRMATION_FIELDS,
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303 - what SNS signs with until a topic is switched to version 2
    "2": hashes.SHA256(),
}
_CACHED_KEYS = 32  # SNS uses one certificate per region and rotates it about yearly


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Whose SNS it is: the only addresses that certificates are fetched from and subscriptions confirmed at.

    `has_issuers`: the address does not vouch for a certificate; one of the source's secrets, PEM texts, must.
    """

    name: str
    certificate_url: re.Pattern[str]
    subscribe_url: re.Pattern[str]
    has_issuers: bool = False


_HOST = r"https://sns\.[a-z]{2}(?:-[a-z0-9]+){2,4}\.amazonaws\.com(?:\.cn)?"
AMAZON = Service(
    name="Amazon SNS",
    certificate_url=re.compile(_HOST + r"/SimpleNotificationService-[0-9a-fA-F]{8,64}\.pem"),
    subscribe_url=re.compile(_HOST + r"/\?[\x21-\x7e]{1,2000}"),
)


def envelope(body: bytes) -> dict[str, Any]:
    """The SNS message as an object; empty if the body is none."""
    try:
        return mapping(decode(body))
    except ValueError:
        return {}


def topic_of(body: bytes) -> str:
    """The topic that the message says it comes from."""
    return text(envelope(body).get("TopicArn"))


def verify(request: Request, source: Source, certificates: Certificates, service: Service = AMAZON) -> Verdict:
    """Check topic, certificate address, signature and age, in this order.

    Raises Rejected, or Transient when the certificate cannot be had. A confirmed subscription of a listed
    topic comes back with `fetch_url`.
    """
    message = envelope(request.body)
    if source.is_unsigned and not source.topic_arns:
        return unsigned(source)
    _check_topic(text(message.get("TopicArn")), source)
    index = -1
    if not source.is_unsigned:
        certificate = _signing_certificate(message, source, certificates, service)
        _check_signature(message, source, certificate)
        index = _voucher(certificate, request, source, service)
        check_age(from_rfc3339(message.get("Timestamp")), request, source)
    return Verdict(secret_index=index, fetch_url=_confirmation_url(message, source, service))


def signed_text(message: dict[str, Any]) -> bytes:
    """What SNS signs for a message of this type; empty for a type it does not sign."""
    fields = _SIGNED_FIELDS.get(text(message.get("Type")), ())
    return "".join(f"{name}\n{text(message[name])}\n" for name in fields if message.get(name) is not None).encode()


def _check_topic(topic: str, source: Source) -> None:
    if topic in source.topic_arns:
        return
    if not source.topic_arns:
        why = "lists no topics, so every SNS message is refused; put the topic's ARN under `topic_arns:`"
    elif not topic:
        why = "expects SNS messages, and this is none (no TopicArn; is raw message delivery switched on?)"
    else:
        why = f"does not list the topic {topic[:200]!r} under `topic_arns:`"
    raise Rejected(403, FailureCode.TOPIC_NOT_ALLOWED, f"source {source.name!r} {why}")


def _signing_certificate(
    message: dict[str, Any], source: Source, certificates: Certificates, service: Service
) -> bytes:
    """The certificate that the message names, fetched only from where the service keeps them. Raises Rejected."""
    if service.has_issuers and not source.secrets:
        unsigned(source)
    if not text(message.get("Signature")):
        raise Rejected(
            401, FailureCode.MISSING_SIGNATURE, f"source {source.name!r} expects signed SNS messages: no Signature"
        )
    url = text(message.get("SigningCertURL"))
    if not service.certificate_url.fullmatch(url):
        raise _bad(source, f"SigningCertURL {url[:200]!r} is not an address of {service.name}")
    version = text(message.get("SignatureVersion"))
    if version not in _HASHES or not signed_text(message):
        raise _bad(source, f"type {text(message.get('Type'))[:50]!r}, signature version {version[:10]!r} is unknown")
    return certificates.get(url)


def _voucher(certificate: bytes, request: Request, source: Source, service: Service) -> int:
    """Which secret vouches for the certificate; -1 where its address does. Raises Rejected."""
    if not service.has_issuers:
        return -1
    index = voucher(certificate, [secret.get_secret_value() for secret in source.secrets], request.received_at)
    if index < 0:
        raise _bad(source, "none of `secrets` has issued the signing certificate, or it is not valid now")
    return index


def _check_signature(message: dict[str, Any], source: Source, certificate: bytes) -> None:
    key, digest = _public_key(certificate), _HASHES[text(message.get("SignatureVersion"))]
    try:
        signature = base64.b64decode(text(message.get("Signature")), validate=True)
        key.verify(signature, signed_text(message), padding.PKCS1v15(), digest)
    except (InvalidSignature, binascii.Error, ValueError):
        raise _bad(source, "the signature does not match the message") from None


@lru_cache(maxsize=_CACHED_KEYS)
def _public_key(pem: bytes) -> rsa.RSAPublicKey:
    """The certificate's RSA key. Raises Transient: what was fetched is no such certificate."""
    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
    except ValueError:
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise Transient("what was fetched as the SNS signing certificate is no PEM certificate with an RSA key")
    return key


def _bad(source: Source, why: str) -> Rejected:
    return Rejected(401, FailureCode.BAD_SIGNATURE, f"source {source.name!r}: SNS message not verified: {why}")


def _confirmation_url(message: dict[str, Any], source: Source, service: Service) -> str:
    """Where to confirm a new subscription, "" for every other message. Raises Rejected."""
    if text(message.get("Type")) != SUBSCRIPTION_CONFIRMATION:
        return ""
    url = text(message.get("SubscribeURL"))
    if not service.subscribe_url.fullmatch(url):
        raise _bad(source, f"SubscribeURL {url[:200]!r} is not an address of {service.name}")
    return url
