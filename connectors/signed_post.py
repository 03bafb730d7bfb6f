"""A record as a signed request, and what the receiver's answer means.

Signed after the Standard Webhooks specification. `webhook-id` is the record's id, the same over retries, restarts and
replays, so a receiver knows a repeat; the body is the same too. What the receiver says of the record (400, 422) is
final; what it says of itself (404, 410, a wrong signature, a redirect) a person may mend, and it is tried again.

Source: standard-webhooks specification (standardwebhooks.com), sections on payload, headers and signatures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.controls.base import ControlAnswer, ControlRequest, ControlResult, Verdict, excerpt
from connectors.controls.standard_webhooks import signature
from schemas.receivers import Receiver
from schemas.signed_webhook import signing_key

_OF_THE_RECORD = frozenset({400, 409, 413, 415, 422})  # RFC 9110: this request, not this receiver
_REMEDIES = {
    401: "check `secret`",
    403: "check `secret`",
    404: "check `url`",
    405: "check `url`",
    410: "it is gone; take the webhook away or set another `url`",
}


def signed_post(id_: str, body: bytes, receiver: Receiver, now_ms: int) -> ControlRequest:
    """The request that tells of it. `now_ms`: the wall time of this attempt."""
    timestamp = str(now_ms // 1000)
    headers = {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(signing_key(receiver.secret), id_, timestamp, body),
    }
    return ControlRequest(method="POST", url=receiver.url.get_secret_value(), headers=headers, body=body)


def body_of(kind: str, at_ms: int, data: Mapping[str, Any]) -> bytes:
    """The body, in the order of the data."""
    told = {"type": kind, "timestamp": instant(at_ms), "data": data}
    return json.dumps(told, separators=(",", ":")).encode()


def instant(at_ms: int) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def interpret(answer: ControlAnswer) -> ControlResult:
    """DONE, RETRY, or REFUSED: this record will never be taken. Repeats no address."""
    status = answer.status
    if 200 <= status < 300:
        return ControlResult(verdict=Verdict.DONE, detail=f"taken with {status}")
    if status in _OF_THE_RECORD:
        return ControlResult(verdict=Verdict.REFUSED, detail=f"refused with {status}: {excerpt(answer.body)}")
    remedy = _REMEDIES.get(status, "redirects are not followed; check `url`" if 300 <= status < 400 else "")
    return ControlResult(verdict=Verdict.RETRY, detail=f"answered {status}" + (f"; {remedy}" if remedy else ""))
