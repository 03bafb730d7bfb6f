"""A transition of a segment as a signed request."""

from __future__ import annotations

from connectors.controls.base import ControlRequest
from connectors.signed_post import body_of, instant, signed_post
from schemas.receivers import Receiver
from schemas.transitions import SegmentTransition


def request(transition: SegmentTransition, receiver: Receiver, now_ms: int) -> ControlRequest:
    """The request that tells of it. `now_ms`: the wall time of this attempt."""
    return signed_post(transition.transition_id, payload(transition), receiver, now_ms)


def payload(transition: SegmentTransition) -> bytes:
    """The body, in a fixed order; instants as RFC 3339 in UTC, to the millisecond."""
    data = {
        "tenant": transition.tenant,
        "recipient_key": transition.recipient_key,
        "segment_id": transition.segment_id,
        "rule_version": transition.rule_version,
        "effective_at": instant(transition.effective_at),
        "detected_at": instant(transition.detected_at),
        "cause": transition.cause,
        "number": transition.number,
    }
    return body_of("segment.entered" if transition.is_member else "segment.left", transition.effective_at, data)
