"""SendGrid posts by the thousand at little cost: bodies made once, ids and times filled in, then signed.

A post is a list of flat events as SendGrid's event webhook sends them, signed with ECDSA P-256 over
timestamp and body. Only what must differ from post to post is formatted: event id, time, recipient. Making
and signing one of 30 events takes about 0.1 ms, so that the generator does not compete with what it loads.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

SOURCE = "bench"
TENANT = "default"
BATCH = 30
_TEMPLATES = 32
_DOMAINS = ("gmail.com", "gmail.com", "gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com", "web.de")
_KINDS: tuple[tuple[str, float, dict[str, Any]], ...] = (
    ("delivered", 57.0, {"response": "250 2.0.0 OK 1760000000 d9443c01a7336-29a - gsmtp", "tls": 1}),
    ("open", 26.0, {"useragent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "sg_machine_open": False}),
    ("click", 5.0, {"useragent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5)", "url": "https://shop.example/spring"}),
    ("deferred", 6.0, {"response": "421 4.7.28 too many messages from this address", "attempt": "1"}),
    ("bounce", 3.5, {"reason": "550 5.1.1 The email account does not exist", "status": "5.1.1", "type": "bounce"}),
    ("dropped", 1.0, {"reason": "Bounced Address"}),
    ("spamreport", 0.3, {}),
    ("unsubscribe", 1.2, {}),
)
_READERS = {"open", "click", "spamreport", "unsubscribe"}


@dataclass(slots=True)
class Key:
    """An account's signing key."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def public(self) -> str:
        """What a source's `secrets` holds."""
        raw = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(raw).decode()

    def text(self) -> str:
        """For another process."""
        return base64.b64encode(self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()

    @classmethod
    def of_text(cls, text: str) -> Key:
        """Back again. Raises ValueError for anything else."""
        found = load_der_private_key(base64.b64decode(text), None)
        if not isinstance(found, ec.EllipticCurvePrivateKey):
            raise TypeError("no elliptic-curve key")
        return cls(found)


class Posts:
    """Requests, ready to be written to a connection. `run` keeps the ids of several makers apart."""

    def __init__(self, key: Key, host: str, run: str, seed: int) -> None:
        rng = Random(seed)
        self._key, self._host, self._run, self._rng = key, host, run, rng
        self._numbers = count()
        self._templates = [_template([_item(rng) for _ in range(BATCH)]) for _ in range(_TEMPLATES)]
        self._probe = _template([{**_item(rng, "delivered"), "campaign_id": "@CAMPAIGN@"}])

    def batch(self) -> bytes:
        """A request with BATCH events that were never posted before."""
        now_s = int(time.time())
        values: list[Any] = []
        for _ in range(BATCH):
            number = next(self._numbers)
            values += (self._rng.randrange(2_000_000), now_s, self._run, number)
        return self._request(self._templates[self._rng.randrange(_TEMPLATES)] % tuple(_octets(values)), now_s)

    def single(self, campaign: str) -> bytes:
        """A request with one event of a campaign of its own."""
        now_s = int(time.time())
        values = (self._rng.randrange(2_000_000), now_s, self._run, next(self._numbers))
        body = self._probe % tuple(_octets(values))
        return self._request(body.replace(b"@CAMPAIGN@", campaign.encode()), now_s)

    def _request(self, body: bytes, now_s: int) -> bytes:
        stamp = str(now_s)
        signature = base64.b64encode(self._key.private.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        head = (
            f"POST /webhooks/{SOURCE} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"User-Agent: SendGrid Event API\r\nX-Twilio-Email-Event-Webhook-Timestamp: {stamp}\r\n"
            f"X-Twilio-Email-Event-Webhook-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _octets(values: Any) -> Any:
    return (value.encode() if isinstance(value, str) else value for value in values)


def _template(items: list[dict[str, Any]]) -> bytes:
    """JSON with the places of recipient, time and id as %-formats, in the order of `Posts.batch`."""
    text = json.dumps(items, separators=(",", ":")).replace("%", "%%")
    text = text.replace("@USER@", "%07d").replace('"@TIME@"', "%d").replace("@ID@", "%s%016d")
    return text.encode()


def _item(rng: Random, kind: str = "") -> dict[str, Any]:
    """One event; the placeholders stand in the order recipient, time, id."""
    kinds = {name: more for name, _, more in _KINDS}
    kind = kind or rng.choices(tuple(kinds), [share for _, share, _ in _KINDS])[0]
    token, campaign = f"{rng.getrandbits(88):022x}", rng.randrange(40)
    item: dict[str, Any] = {
        "email": f"reader-@USER@@{rng.choice(_DOMAINS)}",
        "timestamp": "@TIME@",
        "sg_event_id": "@ID@",
        "event": kind,
        "smtp-id": f"<{token}@geopod-ismtpd-7>",
        "category": ["newsletter", "spring"],
        "sg_message_id": f"{token}.recvd-6b9f7d5c84-{token[:5]}-1-{token[5:13].upper()}-{token[13:15]}.0",
        "campaign_id": f"campaign-{campaign:03d}",
        "from_domain": f"mail{campaign % 8}.example",
        "customer": str(rng.randrange(10_000)),
        "ip": f"198.51.100.{rng.randrange(200)}" if kind in _READERS else f"192.0.2.{rng.randrange(16)}",
    }
    return {**item, **kinds[kind]}
