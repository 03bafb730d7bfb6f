"""Canonical events: what every provider's webhook becomes, in one vocabulary.

`EmailEvent` and `ActivityEvent` are msgspec structs because one process makes tens of thousands a second:
a parser copies a blank one and fills in what it knows (0.4 us, a dataclass's constructor takes 5). They
list their fields like dataclasses, so `dataclasses.fields`, `asdict` and `replace` work on them. Unknown
text is "", an unknown number 0, an unknown time 0: unknown is a value, never an exception. Field order is
the Avro and the ClickHouse column order: append only.

Times are integers, milliseconds since the Unix epoch, UTC. Vocabulary: DESIGN of canonical types,
RFC 3463 (enhanced status), RFC 5965 (feedback type), RFC 8058 (one-click unsubscribe).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import msgspec

Millis = Annotated[int, "timestamp-millis"]
"""Milliseconds since the Unix epoch, UTC; 0 where the provider does not say."""


class EventType(StrEnum):
    """What happened to one message for one recipient."""

    QUEUED = "queued"  # the sender accepted it for sending
    SENT = "sent"  # handed to the sending service; not yet accepted by the mailbox provider
    DELIVERED = "delivered"  # the mailbox provider answered 2xx
    DEFERRED = "deferred"  # a temporary failure; the sender will try again
    BOUNCED = "bounced"  # a final failure reported by or for the mailbox provider
    REJECTED = "rejected"  # the sending service refused to try (suppressed, policy, content)
    FAILED = "failed"  # the sending service failed before any delivery attempt (rendering ...)
    OPENED = "opened"  # the tracking pixel was fetched
    CLICKED = "clicked"  # a tracked link was followed
    UNSUBSCRIBED = "unsubscribed"  # the recipient opted out
    SUBSCRIBED = "subscribed"  # the recipient opted (back) in
    COMPLAINED = "complained"  # the recipient reported spam
    AUTORESPONDED = "autoresponded"  # a vacation notice or other automatic reply
    UNKNOWN = "unknown"  # a type this version does not know; counted and kept


class Machine(StrEnum):
    """Who opened or clicked."""

    HUMAN = "human"
    MACHINE = "machine"
    UNCERTAIN = "uncertain"
    NOT_APPLICABLE = ""  # neither an open nor a click


class BounceReason(StrEnum):
    """Why the receiving side refused; what the reply means, not what its code says."""

    INVALID_RECIPIENT = "invalid_recipient"
    INACTIVE_MAILBOX = "inactive_mailbox"
    MAILBOX_FULL = "mailbox_full"
    INVALID_DOMAIN = "invalid_domain"
    RELAY_DENIED = "relay_denied"
    BLOCKED_IP = "blocked_ip"
    BLOCKED_DOMAIN = "blocked_domain"
    SPAM_CONTENT = "spam_content"
    POLICY = "policy"
    AUTH_FAILURE = "auth_failure"
    RATE_LIMITED = "rate_limited"
    GREYLISTED = "greylisted"
    MESSAGE_TOO_LARGE = "message_too_large"
    CONTENT_REJECTED = "content_rejected"
    DNS_FAILURE = "dns_failure"
    NETWORK_FAILURE = "network_failure"
    EXPIRED = "expired"
    PROTOCOL_ERROR = "protocol_error"
    SYSTEM_ERROR = "system_error"
    AUTO_REPLY = "auto_reply"
    SUPPRESSED = "suppressed"
    UNKNOWN = "unknown"


class BounceScope(StrEnum):
    """What the refusal is about."""

    ADDRESS = "address"  # the recipient's address
    DOMAIN = "domain"  # the recipient's domain; the sender's where the reason is blocked_domain
    IP = "ip"  # the sending IP
    CONTENT = "content"  # the message
    AUTH = "auth"  # SPF, DKIM, DMARC, TLS, reverse DNS of the sender
    PROVIDER = "provider"  # the mailbox provider's own temporary state
    INFRASTRUCTURE = "infrastructure"  # the way there: DNS, network, the sender's own software
    NONE = "none"  # not a judgement on this message (suppressed, automatic reply, unknown)


class Permanence(StrEnum):
    """Whether trying again can help."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


class BounceAction(StrEnum):
    """What the sender should do about it."""

    SUPPRESS = "suppress"
    RETRY = "retry"
    RETRY_LATER = "retry_later"
    FIX_CONFIGURATION = "fix_configuration"
    FIX_CONTENT = "fix_content"
    CHANGE_IP = "change_ip"
    REVIEW = "review"
    NONE = "none"


@dataclass(slots=True, frozen=True, kw_only=True)
class BounceClass:
    """One refusal, understood. `confidence` in [0, 1]; `rule` names the rule that matched ("" if none).

    `retry_after_s` is the wait the reply asks for in seconds (0: it does not say), `blocklist` the
    list it names ("" if none).
    """

    reason: BounceReason = BounceReason.UNKNOWN
    scope: BounceScope = BounceScope.NONE
    permanence: Permanence = Permanence.UNKNOWN
    action: BounceAction = BounceAction.NONE
    retry_after_s: int = 0
    blocklist: str = ""
    rule: str = ""
    confidence: float = 0.0


class _Event(msgspec.Struct, kw_only=True, gc=False):
    """What canonical events have in common: fields that `dataclasses` lists. Without cycles, so not collected."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]] = {}
    if TYPE_CHECKING:  # every struct has them, but msgspec's stubs do not say so
        __slots__: ClassVar[tuple[str, ...]]

        def __copy__(self) -> Self: ...


class EmailEvent(_Event, kw_only=True, gc=False):
    """One thing that happened to one message for one recipient.

    `event_id` is deterministic (`schemas.identity`): the same delivery parsed twice has the same id.
    The `raw_*` fields point at the webhook this came from; `metadata` is JSON text of an object.
    """

    event_id: str
    tenant: str
    source: str
    provider: str
    event_type: EventType
    occurred_at: Millis
    received_at: Millis
    provider_event_id: str = ""
    provider_event_type: str = ""  # the provider's own word, kept even when we know it
    recipient: str = ""
    recipient_key: str = ""
    recipient_domain: str = ""
    mailbox_provider: str = ""
    message_id: str = ""  # the provider's id of the message
    smtp_message_id: str = ""  # the Message-ID header (RFC 5322), without angle brackets
    campaign_id: str = ""
    variant_id: str = ""
    stream: str = ""
    tags: list[str] = msgspec.field(default_factory=list)
    metadata: str = ""
    subject: str = ""
    sending_ip: str = ""
    ip_pool: str = ""
    sending_domain: str = ""
    smtp_code: int = 0
    enhanced_status: str = ""
    smtp_response: str = ""
    remote_mta: str = ""
    bounce_reason: str = ""  # BounceReason, "" when the event is no refusal
    bounce_scope: str = ""
    bounce_permanence: str = ""
    bounce_action: str = ""
    bounce_retry_after_s: int = 0
    bounce_blocklist: str = ""
    bounce_rule: str = ""
    bounce_confidence: float = 0.0
    attempt: int = 0
    url: str = ""
    user_agent: str = ""
    client_ip: str = ""
    machine: str = ""  # Machine
    machine_reason: str = ""
    complaint_type: str = ""  # RFC 5965 Feedback-Type
    sent_at: Millis = 0  # when the message was sent, where the provider says so with a later event
    raw_topic: str = ""
    raw_partition: int = -1
    raw_offset: int = -1
    raw_index: int = 0  # which event of its request


class ActivityEvent(_Event, kw_only=True, gc=False):
    """One thing a person did in a shop, a CRM or on a web site; same conventions as `EmailEvent`."""

    event_id: str
    tenant: str
    source: str
    provider: str
    activity: str  # track, identify, page, screen, group, alias, privacy
    name: str  # the activity's own name, e.g. "Order Completed"
    occurred_at: Millis
    received_at: Millis
    provider_event_id: str = ""
    recipient: str = ""
    recipient_key: str = ""
    anonymous_id: str = ""
    properties: str = ""  # JSON text of an object
    traits: str = ""  # JSON text of an object
    url: str = ""
    user_agent: str = ""
    client_ip: str = ""
    raw_topic: str = ""
    raw_partition: int = -1
    raw_offset: int = -1
    raw_index: int = 0


# Fields, of events and of the records made from them, that hold one of a few values: what may be remembered.
# A combination of neighbours counts as one value, so nothing that tells events apart belongs here.
REPEATING = frozenset({
    "tenant", "source", "provider", "event_type", "provider_event_type", "recipient_domain", "mailbox_provider",
    "campaign_id", "variant_id", "stream", "tags", "subject", "sending_ip", "ip_pool", "sending_domain", "smtp_code",
    "enhanced_status", "remote_mta", "bounce_reason", "bounce_scope", "bounce_permanence", "bounce_action",
    "bounce_retry_after_s", "bounce_blocklist", "bounce_rule", "attempt", "user_agent", "machine",
    "machine_reason", "complaint_type", "raw_topic", "raw_partition", "raw_offset",
})  # fmt: skip


def _listed(record: type[_Event]) -> dict[str, dataclasses.Field[Any]]:
    """The record's fields as a dataclass of the same fields and defaults would list them."""
    fields: list[tuple[str, Any, Any]] = []
    for item in msgspec.structs.fields(record):
        default = {} if item.default is msgspec.NODEFAULT else {"default": item.default}
        factory = {} if item.default_factory is msgspec.NODEFAULT else {"default_factory": item.default_factory}
        fields.append((item.name, item.type, dataclasses.field(**default, **factory)))
    made: Any = dataclasses.make_dataclass(record.__name__, fields, kw_only=True)
    return {item.name: item for item in dataclasses.fields(made)}


for _record in (EmailEvent, ActivityEvent):
    _record.__dataclass_fields__ = _listed(_record)
    # msgspec's own look after the garbage collector, which leaves these alone; the plain ones cost a third.
    _record.__setattr__ = object.__setattr__  # type: ignore[method-assign]
    _record.__delattr__ = object.__delattr__  # type: ignore[method-assign]
