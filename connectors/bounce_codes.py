"""The numbers from 1 to 100 by which SparkPost, Momentum and Mandrill class a bounce.

Mandrill sends them as `bgtools_code`, the others as `bounce_class`; one table serves all three. Each number says
why, and whether its makers file it under soft (4) or under hard, block and admin (5).
Source: "Bounce Classification Codes" (SparkPost documentation).
"""

from __future__ import annotations

from connectors import bounces
from schemas.events import BounceClass, BounceReason

CODES: dict[int, tuple[BounceReason, int]] = {
    10: (BounceReason.INVALID_RECIPIENT, 5),
    20: (BounceReason.UNKNOWN, 4),
    21: (BounceReason.DNS_FAILURE, 4),
    22: (BounceReason.MAILBOX_FULL, 4),
    23: (BounceReason.MESSAGE_TOO_LARGE, 4),
    24: (BounceReason.EXPIRED, 4),
    25: (BounceReason.POLICY, 5),  # the sending service's own policy
    26: (BounceReason.SUPPRESSED, 5),  # "smart send": the sending service advised against it
    30: (BounceReason.INVALID_RECIPIENT, 5),
    40: (BounceReason.UNKNOWN, 4),
    50: (BounceReason.POLICY, 5),
    51: (BounceReason.BLOCKED_IP, 5),
    52: (BounceReason.SPAM_CONTENT, 5),
    53: (BounceReason.CONTENT_REJECTED, 5),
    54: (BounceReason.RELAY_DENIED, 5),
    60: (BounceReason.AUTO_REPLY, 4),
    70: (BounceReason.SYSTEM_ERROR, 4),
    100: (BounceReason.AUTO_REPLY, 4),
}
SUPPRESSED = 26
ADMIN = frozenset({25, SUPPRESSED})  # nobody at the receiving side was asked
AUTO_REPLIES = frozenset({60, 100})
SUBSCRIBE, UNSUBSCRIBE = 80, 90


def hint(code: int, rule: str, smtp_class: int = 0) -> BounceClass | None:
    """The class of a number; None where it says nothing. `smtp_class` 4 or 5 where the event itself says which."""
    known = CODES.get(code)
    if known is None:
        return None
    reason, usual_class = known
    return bounces.of(reason, smtp_class or usual_class, confidence=0.6, rule=rule)
