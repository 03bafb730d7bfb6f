"""KumoMTA's log records, posted in lists by its log hook with a bearer token.

Format: KumoMTA documentation, "Log Record". Campaign and tenant stand in the queue's name
(`campaign:tenant@domain`) and in `meta`. A feedback report is a record of its own: `recipient` is the
address that received the report, the complaining one is inside `feedback_report`.
"""

from __future__ import annotations

import secrets
from random import Random
from typing import Any

import msgspec

from streams.simulator.behaviour import BOUNCED, COMPLAINED, DEFERRED, DELIVERED, QUEUED, Happening, Message
from streams.simulator.providers import Item, Signed, garbled, iso
from streams.simulator.replies import Cause

_WORDS = {
    QUEUED: "Reception",
    DELIVERED: "Delivery",
    DEFERRED: "TransientFailure",
    BOUNCED: "Bounce",
    COMPLAINED: "Feedback",
}
_CLASSES = {
    Cause.UNKNOWN_USER: "InvalidRecipient",
    Cause.INACTIVE: "InactiveMailbox",
    Cause.MAILBOX_FULL: "QuotaIssues",
    Cause.SPAM_CONTENT: "SpamContent",
    Cause.AUTH: "AuthenticationFailed",
    Cause.BLOCKED_IP: "SpamBlock",
    Cause.DEFERRED_IP: "SpamBlock",
    Cause.RATE_LIMITED: "PolicyRelated",
    Cause.GREYLISTED: "TransientFailure",
    Cause.BUSY: "TransientFailure",
}


class KumoMta:
    """A KumoMTA node whose log hook posts to us."""

    resolution_ms = 1
    batch_limit = 50
    retries = (400, 401, 403, 404, 408)

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(24)

    def message_id(self, message: Message) -> str:
        """The spool id: 32 hex characters."""
        return message.token

    def item(self, happening: Happening) -> Item:
        """One log record."""
        message = happening.message
        record: Item = {
            "type": _WORDS[happening.kind],
            "id": message.message_id,
            "sender": f"bounce@{message.campaign.domain}",
            "recipient": message.recipient,
            "queue": f"{message.campaign.name}:{message.sender.tenant}@{message.mailbox.domain}",
            "site": "",
            "size": 7_310,
            "response": {"code": 250, "enhanced_code": None, "content": "", "command": None},
            "peer_address": None,
            "timestamp": happening.at // 1000,
            "event_time": _nanos(happening.at),
            "created": message.sent_at // 1000,
            "created_time": _nanos(message.sent_at),
            "num_attempts": max(happening.attempt - 1, 0),
            "bounce_classification": "Uncategorized",
            "egress_pool": None,
            "egress_source": None,
            "source_address": None,
            "feedback_report": None,
            "meta": {"campaign": message.campaign.name, "campaign_id": message.campaign.name},
            "headers": {"Subject": message.campaign.subject, "From": f"Harbour <post@{message.campaign.domain}>"},
            "delivery_protocol": "ESMTP",
            "reception_protocol": "ESMTP",
            "nodeid": "5c0e1c1e-8f1a-4d0f-9a51-2f54f1c2a0d7",
        }
        if happening.kind == COMPLAINED:
            _feedback(record, happening)
        elif happening.reply is not None:
            _attempt(record, happening)
        return record

    def sign(self, items: list[Any], wall_s: float, rng: Random) -> Signed:  # noqa: ARG002
        """A list of records under the bearer token."""
        return Signed(self._headers(self._token), msgspec.json.encode(items))

    def forge(self, items: list[Any], wall_s: float, rng: Random) -> Signed:  # noqa: ARG002
        """Another token, or none."""
        headers = self._headers("not-the-token") if rng.random() < 0.5 else {"Content-Type": "application/json"}
        return Signed(headers, msgspec.json.encode(items))

    def garbage(self, wall_s: float, rng: Random) -> Signed:  # noqa: ARG002
        """Unreadable bytes under the right token."""
        return Signed(self._headers(self._token), garbled(rng))

    def mistype(self, item: Item, rng: Random) -> None:
        """Incidental fields of a wrong type."""
        field, value = rng.choice(
            (("size", "many"), ("egress_pool", 3), ("num_attempts", "two"), ("headers", []), ("nodeid", None))
        )
        item[field] = value

    def settings(self) -> Item:
        """The bearer token."""
        return {"secrets": [self._token]}

    def _headers(self, token: str) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "User-Agent": "KumoMTA log hook",
            "Authorization": f"Bearer {token}",
        }


def _nanos(at_ms: int) -> str:
    """RFC 3339 with nanoseconds, the last six digits made up so that rounding keeps the millisecond."""
    return f"{iso(at_ms)[:-1]}214358Z"


def _attempt(record: Item, happening: Happening) -> None:
    reply, message = happening.reply, happening.message
    assert reply is not None  # noqa: S101 - told to mypy; the caller has looked
    digits = [int(part) for part in reply.status.split(".")] if reply.status else None
    record["egress_pool"], record["egress_source"] = message.sender.tenant, message.ip
    record["source_address"] = {"address": f"{message.ip}:0", "protocol": None, "server": None}
    record["site"] = f"{message.ip}->{message.mailbox.mx_host}@smtp_client"
    record["peer_address"] = {"name": message.mailbox.mx_host, "addr": "192.0.2.250:25"}
    record["response"] = {
        "code": reply.code,
        "enhanced_code": dict(zip(("class", "subject", "detail"), digits, strict=True)) if digits else None,
        "content": reply.text,
        "command": "." if reply.code == 250 else f"RCPT TO:<{message.recipient}>",
    }
    if reply.cause is not None:
        record["bounce_classification"] = _CLASSES[reply.cause]


def _feedback(record: Item, happening: Happening) -> None:
    message = happening.message
    record["recipient"] = f"fbl@{message.campaign.domain}"
    record["queue"] = f"fbl@{message.campaign.domain}"
    record["sender"] = f"feedback@{message.mailbox.domain}"
    record["feedback_report"] = {
        "feedback_type": "abuse",
        "user_agent": f"{message.mailbox.provider}-feedback/1.0",
        "version": "1",
        "arrival_date": iso(happening.at),
        "original_mail_from": f"bounce@{message.campaign.domain}",
        "original_rcpto_to": [f"<{message.recipient}>"],
        "reported_domain": [message.campaign.domain],
        "source_ip": message.ip,
        "supplemental_trace": {
            "recipient": message.recipient,
            "campaign": message.campaign.name,
            "tenant": message.sender.tenant,
        },
        "original_message": f"Message-ID: <{message.token}@{message.campaign.domain}>\r\n",
    }
