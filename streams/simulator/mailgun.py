"""Mailgun's webhooks: one event per request, signed inside the body.

Format and signature: Mailgun documentation, "Webhooks" and "Event structure": the hex HMAC-SHA256 of
timestamp and token under the webhook signing key. Times are seconds with a fraction.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from random import Random
from typing import Any

import msgspec

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
from streams.simulator.providers import Item, Signed

_WORDS = {
    QUEUED: "accepted",
    DELIVERED: "delivered",
    DEFERRED: "failed",
    BOUNCED: "failed",
    REJECTED: "failed",
    OPENED: "opened",
    CLICKED: "clicked",
    UNSUBSCRIBED: "unsubscribed",
    COMPLAINED: "complained",
}
_HEADERS = {"Content-Type": "application/json", "User-Agent": "mailgun/treq-20.9.0"}


class Mailgun:
    """A Mailgun domain with webhooks."""

    resolution_ms = 1
    batch_limit = 1
    retries = (400, 401, 403, 404, 408)  # everything but 406

    def __init__(self) -> None:
        self._key = secrets.token_hex(16)

    def message_id(self, message: Message) -> str:
        """The Message-ID header without angle brackets, which is what Mailgun goes by."""
        return f"{message.token[:14]}.{message.token[14:]}@{message.campaign.domain}"

    def item(self, happening: Happening) -> Item:
        """One event as it stands under `event-data`."""
        message = happening.message
        data: Item = {
            "event": _WORDS[happening.kind],
            "id": f"{happening.event_id:032x}"[:22],
            # A fraction of a millisecond, as in real events; never so much that rounding could matter.
            "timestamp": (happening.at + 0.21) / 1000,
            "log-level": "error" if happening.kind in {BOUNCED, REJECTED} else "info",
            "recipient": message.recipient,
            "recipient-domain": message.mailbox.domain,
            "tags": [message.campaign.name, message.campaign.category],
            "campaigns": [],
            "user-variables": {"campaign_id": message.campaign.name, "tenant": message.sender.tenant},
            "message": {
                "headers": {
                    "message-id": message.message_id,
                    "to": message.recipient,
                    "from": f"Atelier <post@{message.campaign.domain}>",
                    "subject": message.campaign.subject,
                },
                "attachments": [],
                "size": 8_412,
            },
        }
        if happening.agent is not None:
            _engagement(data, happening)
        elif happening.kind != COMPLAINED:
            _envelope(data, happening)
        return data

    def sign(self, items: list[Any], wall_s: float, rng: Random) -> Signed:
        """One event with its signature."""
        return self._body(items[0], wall_s, rng, self._key)

    def forge(self, items: list[Any], wall_s: float, rng: Random) -> Signed:
        """A signature under another key."""
        return self._body(items[0], wall_s, rng, "key-of-a-stranger")

    def garbage(self, wall_s: float, rng: Random) -> Signed:
        """A right signature around something that is no event."""
        return self._body(rng.choice(("delivered", 17, None, [])), wall_s, rng, self._key)

    def mistype(self, item: Item, rng: Random) -> None:
        """Incidental fields of a wrong type."""
        field, value = rng.choice((("tags", 5), ("log-level", ["info"]), ("campaigns", "none"), ("flags", 0)))
        item[field] = value

    def settings(self) -> Item:
        """The webhook signing key."""
        return {"secrets": [self._key]}

    def _body(self, data: Any, wall_s: float, rng: Random, key: str) -> Signed:
        stamp, token = str(int(wall_s)), f"{rng.getrandbits(200):050x}"
        signature = hmac.new(key.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()
        envelope = {"signature": {"timestamp": stamp, "token": token, "signature": signature}, "event-data": data}
        return Signed(_HEADERS, msgspec.json.encode(envelope))


def _engagement(data: Item, happening: Happening) -> None:
    agent = happening.agent
    assert agent is not None  # noqa: S101 - told to mypy; the caller has looked
    data["ip"] = happening.reader_ip
    data["geolocation"] = {"country": "FR", "region": "Unknown", "city": "Unknown"}
    data["client-info"] = {"client-type": "browser", "device-type": "unknown", "user-agent": agent.user_agent}
    if agent.bot:
        data["client-info"]["bot"] = agent.bot
    if happening.kind == CLICKED:
        data["url"] = happening.url


def _envelope(data: Item, happening: Happening) -> None:
    message, reply = happening.message, happening.reply
    data["envelope"] = {
        "transport": "smtp",
        "sender": f"bounce@{message.campaign.domain}",
        "targets": message.recipient,
    }
    data["flags"] = {"is-authenticated": True, "is-test-mode": False, "is-routed": False, "is-system-test": False}
    if happening.kind == REJECTED:
        data["severity"], data["reason"] = "permanent", "suppress-bounce"
        description = "Not delivering to previously bounced address"
        data["delivery-status"] = {"code": 605, "message": "", "description": description}
    elif reply is not None:
        data["envelope"]["sending-ip"] = message.ip
        data["delivery-status"] = {
            "code": reply.code,
            "enhanced-code": reply.status,
            "message": reply.line if happening.kind != DELIVERED else "OK",
            "description": "",
            "mx-host": message.mailbox.mx_host,
            "attempt-no": happening.attempt,
            "session-seconds": 0.92,
            "tls": True,
            "certificate-verified": True,
        }
        if happening.kind in {BOUNCED, DEFERRED}:
            data["severity"] = "permanent" if happening.kind == BOUNCED else "temporary"
            data["reason"] = "bounce" if happening.kind == BOUNCED else "generic"
