"""A signed webhook for people with their own sender: every action, as JSON, to an address of theirs.

The request follows the Standard Webhooks specification: `webhook-id` is the decision's id and stays the
same over retries (the receiver's idempotency key), `webhook-timestamp` is the attempt's time in seconds,
`webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body` under the secret
(`whsec_` and base64). Any 2xx means the receiver has taken the decision on.

Source: standard-webhooks specification (standardwebhooks.com), sections on headers and signatures.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json

from connectors.controls.base import (
    ControlAnswer,
    ControlRequest,
    ControlResult,
    EndState,
    Pace,
    base_url,
    by_status,
    secret,
)
from schemas.config import Control
from schemas.errors import Misconfigured
from schemas.remediation import Action, Decision

PREFIX = "whsec_"
MIN_KEY_BYTES = 16
FIELDS = (
    "decision_id", "tenant", "kind", "key", "action", "level", "previous_level", "reason", "policy_version",
    "campaign_id", "sending_ip", "mailbox_provider", "as_of", "first_signal_at", "decided_at",
    "share", "cause", "state", "reverts", "ip_pool", "expires_at",
)  # fmt: skip


class StandardWebhooks(EndState):
    """Posts the decision, signed, to `control.base_url`."""

    name = "webhook"
    supports = frozenset(Action)
    shares = frozenset(Action)
    pace = Pace(per_s=10.0, burst=20)

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`."""
        url = base_url(control, "")
        key = signing_key(control)
        body = payload(decision)
        timestamp = str(now_ms // 1000)
        headers = {
            "content-type": "application/json",
            "webhook-id": decision.decision_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(key, decision.decision_id, timestamp, body),
        }
        return ControlRequest(method="POST", url=url, headers=headers, body=body)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status; 410 Gone tells the sender to stop for good, like every other 4xx."""
        return by_status(answer, "the webhook")


def payload(decision: Decision) -> bytes:
    """The body: `type`, and the decision's fields and evidence under `data`, in a fixed order."""
    data = {name: getattr(decision, name) for name in FIELDS}
    data["sources"] = decision.sources
    data["evidence"] = json.loads(decision.evidence) if decision.evidence else None
    return json.dumps({"type": f"mailweir.{decision.action}", "data": data}, separators=(",", ":")).encode()


def signing_key(control: Control) -> bytes:
    """The HMAC key in `whsec_<base64>`. Raises Misconfigured for anything else."""
    text = secret(control, "whsec_ followed by the base64 of at least 16 random bytes")
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < MIN_KEY_BYTES:
        raise Misconfigured(
            "control.secret of a 'webhook' control must be whsec_ followed by the base64 of at least 16 bytes"
        )
    return key


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


STANDARD_WEBHOOKS = StandardWebhooks()
