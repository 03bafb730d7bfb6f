"""A transition of a segment as a signed request, and what the receiver's answer means.

Signed after the Standard Webhooks specification. `webhook-id` is the transition's id, the same over retries, restarts
and replays, so a receiver knows a repeat; the body is the same too. What the receiver says of the transition (400, 422)
is final; what it says of itself (404, 410, a wrong signature, a redirect) a person may mend, and it is tried again.

Source: standard-webhooks specification (standardwebhooks.com), sections on payload, headers and signatures.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from connectors.controls.base import ControlAnswer, ControlRequest, ControlResult, Verdict, excerpt
from connectors.controls.standard_webhooks import signature
from schemas.segment_webhooks import SegmentWebhook
from schemas.signed_webhook import signing_key
from schemas.transitions import SegmentTransition

_OF_THE_TRANSITION = frozenset({400, 409, 413, 415, 422})  # RFC 9110: this request, not this receiver
_REMEDIES = {
    401: "check `secret`",
    403: "check `secret`",
    404: "check `url`",
    405: "check `url`",
    410: "it is gone; take the webhook away or set another `url`",
}


def request(transition: SegmentTransition, webhook: SegmentWebhook, now_ms: int) -> ControlRequest:
    """The request that tells of it. `now_ms`: the wall time of this attempt."""
    body, timestamp = payload(transition), str(now_ms // 1000)
    headers = {
        "content-type": "application/json",
        "webhook-id": transition.transition_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(signing_key(webhook.secret), transition.transition_id, timestamp, body),
    }
    return ControlRequest(method="POST", url=webhook.url.get_secret_value(), headers=headers, body=body)


def payload(transition: SegmentTransition) -> bytes:
    """The body, in a fixed order; instants as RFC 3339 in UTC, to the millisecond."""
    data = {
        "tenant": transition.tenant,
        "recipient_key": transition.recipient_key,
        "segment_id": transition.segment_id,
        "rule_version": transition.rule_version,
        "effective_at": _instant(transition.effective_at),
        "detected_at": _instant(transition.detected_at),
        "cause": transition.cause,
        "number": transition.number,
    }
    kind = "segment.entered" if transition.is_member else "segment.left"
    told = {"type": kind, "timestamp": _instant(transition.effective_at), "data": data}
    return json.dumps(told, separators=(",", ":")).encode()


def interpret(answer: ControlAnswer) -> ControlResult:
    """DONE, RETRY, or REFUSED: this transition will never be taken. Repeats no address."""
    status = answer.status
    if 200 <= status < 300:
        return ControlResult(verdict=Verdict.DONE, detail=f"taken with {status}")
    if status in _OF_THE_TRANSITION:
        return ControlResult(verdict=Verdict.REFUSED, detail=f"refused with {status}: {excerpt(answer.body)}")
    remedy = _REMEDIES.get(status, "redirects are not followed; check `url`" if 300 <= status < 400 else "")
    return ControlResult(verdict=Verdict.RETRY, detail=f"answered {status}" + (f"; {remedy}" if remedy else ""))


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
