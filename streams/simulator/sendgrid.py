"""SendGrid's event webhook: JSON lists, signed with ECDSA over timestamp and body.

Format and signature: Twilio SendGrid documentation, "Event Webhook reference" and "Event Webhook
security features": base64 of the DER signature (P-256, SHA-256) over the timestamp header's text
followed by the raw body; the public key is given as base64 of its SubjectPublicKeyInfo.
"""

from __future__ import annotations

import base64
from random import Random
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from streams.simulator.behaviour import (
    BOUNCED,
    CLICKED,
    COMPLAINED,
    DEFERRED,
    DELIVERED,
    OPENED,
    QUEUED,
    REJECTED,
    UNSUBSCRIBED,
    Happening,
    Message,
)
from streams.simulator.providers import Item, Signed, garbled
from streams.simulator.replies import Cause

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
_WORDS = {
    QUEUED: "processed",
    DELIVERED: "delivered",
    DEFERRED: "deferred",
    BOUNCED: "bounce",
    REJECTED: "dropped",
    OPENED: "open",
    CLICKED: "click",
    UNSUBSCRIBED: "unsubscribe",
    COMPLAINED: "spamreport",
}
_BLOCKS = {Cause.BLOCKED_IP, Cause.DEFERRED_IP, Cause.SPAM_CONTENT, Cause.AUTH}
_CLASSES = {
    Cause.UNKNOWN_USER: "Invalid Address",
    Cause.INACTIVE: "Invalid Address",
    Cause.MAILBOX_FULL: "Mailbox Unavailable",
    Cause.SPAM_CONTENT: "Content",
    Cause.AUTH: "Technical Failure",
    Cause.BLOCKED_IP: "Reputation",
}


class SendGrid:
    """A SendGrid account with signed event webhooks."""

    resolution_ms = 1_000
    batch_limit = 50
    retries = (400, 401, 403, 404, 408)

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._stranger = ec.generate_private_key(ec.SECP256R1())

    def message_id(self, message: Message) -> str:
        """`<22 characters>.recvd-<host>-<batch>-<time>-<n>.0`, the documented form."""
        token = base64.urlsafe_b64encode(bytes.fromhex(message.token))[:22].decode()
        return f"{token}.recvd-6b9f7d5c84-{message.token[:5]}-1-{message.token[5:13].upper()}-{message.token[13:15]}.0"

    def item(self, happening: Happening) -> Item:
        """One event. `ip` is the sending address on delivery events, the reader's on opens and clicks."""
        message = happening.message
        item: Item = {
            "email": message.recipient,
            "timestamp": happening.at // 1000,
            "smtp-id": f"<{message.token[:22]}@geopod-ismtpd-7>",
            "event": _WORDS[happening.kind],
            "category": [message.campaign.name, message.campaign.category],
            "sg_event_id": base64.urlsafe_b64encode(happening.event_id.to_bytes(16, "big"))[:22].decode(),
            "sg_message_id": message.message_id,
            "campaign_id": message.campaign.name,
            "from_domain": message.campaign.domain,
        }
        if happening.agent is not None:
            _engagement(item, happening)
        elif happening.reply is not None:
            _attempt(item, happening)
        elif happening.kind == REJECTED:
            item["reason"] = "Bounced Address"
        return item

    def sign(self, items: list[Any], wall_s: float, rng: Random) -> Signed:  # noqa: ARG002
        """A list of events with the two signature headers."""
        return self._signed(msgspec.json.encode(items), wall_s, self._key)

    def forge(self, items: list[Any], wall_s: float, rng: Random) -> Signed:
        """Signed with another key, altered after signing, or not signed."""
        body = msgspec.json.encode(items)
        kind = rng.randrange(3)
        if kind == 0:
            return self._signed(body, wall_s, self._stranger)
        if kind == 1:
            return Signed(self._signed(body, wall_s, self._key).headers, body.replace(b'"email":"', b'"email":"x', 1))
        return Signed({"Content-Type": "application/json"}, body)

    def garbage(self, wall_s: float, rng: Random) -> Signed:
        """Unreadable bytes under a right signature."""
        return self._signed(garbled(rng), wall_s, self._key)

    def mistype(self, item: Item, rng: Random) -> None:
        """Numbers where texts belong and the other way round."""
        field, value = rng.choice(
            (("category", {"a": 1}), ("tls", "yes"), ("attempt", [2]), ("useragent", 7), ("smtp-id", None))
        )
        item[field] = value

    def settings(self) -> Item:
        """The public key that the account shows."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {"secrets": [base64.b64encode(public).decode()]}

    def _signed(self, body: bytes, wall_s: float, key: ec.EllipticCurvePrivateKey) -> Signed:
        stamp = str(int(wall_s))
        signature = key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return Signed(
            {
                "Content-Type": "application/json",
                "User-Agent": "SendGrid Event API",
                TIMESTAMP: stamp,
                SIGNATURE: base64.b64encode(signature).decode(),
            },
            body,
        )


def _engagement(item: Item, happening: Happening) -> None:
    agent = happening.agent
    assert agent is not None  # noqa: S101 - told to mypy; the caller has looked
    item["useragent"] = agent.user_agent
    item["ip"] = happening.reader_ip
    if happening.kind == OPENED:
        item["sg_machine_open"] = agent.is_machine
        item["sg_content_type"] = "html"
    elif happening.kind == CLICKED:
        item["url"] = happening.url
        item["url_offset"] = {"index": 0, "type": "html"}


def _attempt(item: Item, happening: Happening) -> None:
    reply, message = happening.reply, happening.message
    assert reply is not None  # noqa: S101
    item["ip"] = message.ip
    item["tls"] = 1
    if happening.kind == BOUNCED:
        item["reason"] = reply.line
        item["status"] = reply.status or f"{reply.code // 100}.0.0"
        item["type"] = "blocked" if reply.cause in _BLOCKS else "bounce"
        item["bounce_classification"] = _CLASSES.get(reply.cause, "Unclassified") if reply.cause else "Unclassified"
        return
    item["response"] = reply.line
    if happening.kind == DEFERRED:
        item["attempt"] = str(happening.attempt)
