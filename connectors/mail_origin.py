"""What a returned message says about itself: which one it was, of which campaign, when and by whom it was sent.

Campaign and stream come from the headers that senders use: `X-Campaign-ID`, and the `Feedback-ID` of Gmail's feedback
loop, whose first and third of four fields are campaign and mail type (Google, "Feedback Loop"); last the sender's own
one-click link.
"""

from __future__ import annotations

from email.message import Message

from connectors import mime
from connectors.oneclick import link_in
from connectors.values import host_domain, message_id
from schemas.events import EmailEvent

_CAMPAIGN = ("X-Campaign-ID", "X-CampaignID", "X-Campaign", "X-Mailer-Campaign-ID")
_VARIANT = ("X-Variant-ID", "X-Variant")
_STREAM = ("X-Stream", "X-PM-Message-Stream", "X-Mail-Stream")
_TAGS = ("X-Tag", "X-PM-Tag", "X-Mailgun-Tag")
_LONGEST = 500  # characters of an id


def describe(event: EmailEvent, about: Message) -> None:
    """Fill in what the returned message `about` says; what is filled already stays."""
    event.smtp_message_id = message_id(mime.header(about, "Message-ID"))[:_LONGEST]
    event.message_id = event.message_id or event.smtp_message_id
    event.subject = mime.header(about, "Subject")
    event.sending_domain = host_domain(next(iter(mime.addresses(about, "From")), ""))
    event.sent_at = mime.when(mime.header(about, "Date"))
    link = link_in(mime.header(about, "List-Unsubscribe"))
    campaign, _, kind = _feedback_id(mime.header(about, "Feedback-ID"))
    event.campaign_id = (mime.first_header(about, *_CAMPAIGN) or (link.campaign if link else "") or campaign)[:_LONGEST]
    event.stream = (mime.first_header(about, *_STREAM) or (link.stream if link else "") or kind)[:_LONGEST]
    event.variant_id = mime.first_header(about, *_VARIANT)[:_LONGEST]
    event.tags = [found[:_LONGEST] for name in _TAGS if (found := mime.header(about, name))]


def _feedback_id(value: str) -> tuple[str, str, str]:
    """(campaign, customer, mail type) of "campaign:customer:type:sender", as far as they are there."""
    *parts, _sender = value.split(":") if value else [""]
    padded = [*(part.strip() for part in parts[:3]), "", "", ""]
    return padded[0], padded[1], padded[2]
