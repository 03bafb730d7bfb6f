"""MailerSend's webhooks: one JSON object per request, in one of two shapes, signed with HMAC.

Signature: header Signature, hex HMAC-SHA256 of the raw body under the webhook's signing secret. The request with which
MailerSend checks a new address (`webhook.test`) is signed with a fixed secret that its documentation publishes; it
must be answered with 2xx or the webhook is not saved, proves nothing, and is never taken for anything else.
Version 2 of the shape is flat with details under `meta` (`[]` when there are none), version 1 nests email, message
and recipient, with details under `morph`. `data.id` is the id of the activity.
Source: "Webhooks" (MailerSend API reference).
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import blanks, complete
from connectors.item_events import LoneItems
from connectors.items import Item
from connectors.parts import Body, Header
from connectors.signatures import Hmac
from connectors.values import first_text, from_rfc3339, host_domain, mapping, smtp_code, text, texts
from schemas.errors import Rejected
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = Hmac(signature=Header("signature"), signed=(Body(),))
PING = "webhook.test"
_ACTIVITY = "activity."
PUBLISHED_SECRET = "test_Am3L1GuOIc4blLUuHqAPxxwkZaJyEk8G"  # noqa: S105 - anybody may read it, and it opens nothing
_LONGEST_PING = 1_024  # bytes; MailerSend's has 120. What anybody can sign must not fill the log
TYPES: dict[str, EventType] = {
    "activity.sent": EventType.SENT,
    "activity.delivered": EventType.DELIVERED,
    "activity.deferred": EventType.DEFERRED,
    "activity.soft_bounced": EventType.BOUNCED,
    "activity.hard_bounced": EventType.BOUNCED,
    "activity.suppressed": EventType.REJECTED,
    "activity.opened": EventType.OPENED,
    "activity.opened_unique": EventType.OPENED,  # the first of a recipient's, sent beside `opened`
    "activity.clicked": EventType.CLICKED,
    "activity.clicked_unique": EventType.CLICKED,
    "activity.survey_opened": EventType.OPENED,
    "activity.survey_submitted": EventType.CLICKED,
    "activity.unsubscribed": EventType.UNSUBSCRIBED,
    "activity.spam_complaint": EventType.COMPLAINED,
}
# How sure each word is where the reply says nothing: whether trying again can help.
_SMTP_CLASSES = {"activity.deferred": 4, "activity.soft_bounced": 4, "activity.hard_bounced": 5}


class _Data(Item):
    """One activity, as far as it is read here. Version 1 has an object `email`, version 2 a text `recipient`.

    MailerSend's page shows that text as `email` (support says that the page is wrong), so it is read there too.
    """

    id: str = ""
    created_at: str = ""
    message_id: str = ""
    subject: str = ""
    recipient: Any = None
    email: Any = None
    tags: Any = None
    meta: Any = None
    morph: Any = None


class _Message(Item):
    type: str = ""
    created_at: str = ""
    data: _Data | None = None


_BODIES = LoneItems(_Message, attrgetter("type"), "`type` and `data`")


class MailerSend:
    """The connector."""

    name = "mailersend"
    # Every 4xx but 429 ends the retries at once.
    statuses = StatusPolicy(slow_body=503, source="https://developers.mailersend.com/api/v1/account/webhooks.html")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over the body, against every secret of the source; the address check by its own rule."""
        try:
            return SCHEME.verify(request, source)
        except Rejected:
            if source.secrets and _is_ping(request):
                return Verdict()
            raise

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event of the body; the address check holds none."""
        body = _BODIES.read(request.body)
        if isinstance(body, ParseResult):
            return body
        if body.type == PING:
            return ParseResult()
        event = blanks(context, MailerSend.name)()
        _fill(event, body.type, body.created_at, body.data or _Data(), context)
        return ParseResult(events=[event])


def _is_ping(request: Request) -> bool:
    if len(request.body) > _LONGEST_PING or not SCHEME.matches(request, PUBLISHED_SECRET):
        return False
    body = _BODIES.read(request.body)
    return not isinstance(body, ParseResult) and body.type == PING


def _fill(event: EmailEvent, word: str, created_at: str, data: _Data, context: Context) -> None:
    email, recipient = mapping(data.email), mapping(data.recipient)
    details = mapping(data.meta) or mapping(data.morph)
    event.event_type = event_type = TYPES.get(word, EventType.UNKNOWN)
    event.provider_event_id = data.id
    event.provider_event_type = word
    event.occurred_at = from_rfc3339(data.created_at) or from_rfc3339(created_at)
    event.sent_at = from_rfc3339(email.get("created_at"))
    if word.startswith(_ACTIVITY):  # another event's address is that of a sender identity, or of a list to check
        event.recipient = first_text(
            data.recipient, data.email, mapping(email.get("recipient")).get("email"), recipient.get("email")
        )
    event.message_id = data.message_id or text(mapping(email.get("message")).get("id"))
    event.tags = texts(data.tags or email.get("tags"))
    event.subject = data.subject or text(email.get("subject"))
    event.sending_domain = host_domain(email.get("from"))
    event.url = text(details.get("url"))
    event.user_agent = text(details.get("user_agent"))
    event.client_ip = text(details.get("ip"))
    if event_type in {EventType.BOUNCED, EventType.DEFERRED, EventType.REJECTED}:
        event.smtp_code = smtp_code(details.get("bounce_code"))
        event.smtp_response = first_text(
            details.get("bounce_reason"), details.get("reason"), details.get("readable_reason")
        )
    complete(event, context, hint=_hint(word))


def _hint(word: str) -> BounceClass | None:
    """How MailerSend itself classes a refusal."""
    if word == "activity.suppressed":
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule=f"mailersend:{word}")
    smtp_class = _SMTP_CLASSES.get(word)
    if smtp_class is None:
        return None
    return bounces.of(BounceReason.UNKNOWN, smtp_class, confidence=0.3, rule=f"mailersend:{word}")
