"""Amazon SES events as they stand inside an SNS notification.

Format: Amazon SES developer guide, "Examples of event data that Amazon SES publishes to Amazon SNS".
SES calls a bounce permanent only when the address is at fault; blocks and policy are transient to it.
"""

from __future__ import annotations

from streams.simulator.behaviour import (
    BOUNCED,
    CLICKED,
    COMPLAINED,
    DEFERRED,
    DELIVERED,
    OPENED,
    REJECTED,
    SENT,
    UNSUBSCRIBED,
    Happening,
    Message,
)
from streams.simulator.providers import Item, iso
from streams.simulator.replies import Cause

_WORDS = {
    SENT: "Send",
    DELIVERED: "Delivery",
    DEFERRED: "DeliveryDelay",
    BOUNCED: "Bounce",
    REJECTED: "Bounce",
    OPENED: "Open",
    CLICKED: "Click",
    UNSUBSCRIBED: "Subscription",
    COMPLAINED: "Complaint",
}
_BOUNCES = {
    Cause.UNKNOWN_USER: ("Permanent", "General"),
    Cause.INACTIVE: ("Permanent", "General"),
    Cause.MAILBOX_FULL: ("Transient", "MailboxFull"),
    Cause.SPAM_CONTENT: ("Transient", "ContentRejected"),
}
_DELAYS = {Cause.MAILBOX_FULL: "MailboxFull", Cause.BUSY: "TransientCommunicationFailure"}


def event(happening: Happening) -> Item:
    """One event: its type, the mail it is about, and the detail object named for the type."""
    word = _WORDS[happening.kind]
    name, detail = _DETAILS[word](happening)
    return {"eventType": word, "mail": _mail(happening.message, is_sent=word != "Send"), name: detail}


def _mail(message: Message, *, is_sent: bool) -> Item:
    sender = f"post@{message.campaign.domain}"
    tags = {
        "ses:configuration-set": ["events"],
        "ses:from-domain": [message.campaign.domain],
        "ses:caller-identity": ["mailer"],
        "campaign_id": [message.campaign.name],
    }
    if is_sent:
        tags["ses:outgoing-ip"] = [message.ip]
    return {
        "timestamp": iso(message.sent_at),
        "source": sender,
        "sourceArn": f"arn:aws:ses:eu-west-1:123456789012:identity/{message.campaign.domain}",
        "sendingAccountId": "123456789012",
        "messageId": message.message_id,
        "destination": [message.recipient],
        "headersTruncated": False,
        "headers": [{"name": "From", "value": sender}, {"name": "Subject", "value": message.campaign.subject}],
        "commonHeaders": {
            "from": [sender],
            "to": [message.recipient],
            "messageId": message.message_id,
            "subject": message.campaign.subject,
        },
        "tags": tags,
    }


def _bounce(happening: Happening) -> tuple[str, Item]:
    reply, message = happening.reply, happening.message
    kind, subtype = "Permanent", "OnAccountSuppressionList"
    recipient: Item = {"emailAddress": message.recipient, "action": "failed"}
    if reply is not None:
        kind, subtype = (
            _BOUNCES.get(reply.cause, ("Transient", "General")) if reply.cause else ("Undetermined", "Undetermined")
        )
        recipient["status"] = reply.status or f"{reply.code // 100}.0.0"
        recipient["diagnosticCode"] = f"smtp; {reply.line}"
    detail = {
        "bounceType": kind,
        "bounceSubType": subtype,
        "bouncedRecipients": [recipient],
        "timestamp": iso(happening.at),
        "feedbackId": f"0102-{happening.event_id:032x}-000000",
        "reportingMTA": "dns; c7-23.smtp-out.eu-west-1.amazonses.com",
    }
    return "bounce", detail


def _complaint(happening: Happening) -> tuple[str, Item]:
    message = happening.message
    detail = {
        "complainedRecipients": [{"emailAddress": message.recipient}],
        "timestamp": iso(happening.at),
        "arrivalDate": iso(happening.at),
        "feedbackId": f"0102-{happening.event_id:032x}-000000",
        "userAgent": f"{message.mailbox.provider}-feedback/1.0",
        "complaintFeedbackType": "abuse",
        "complaintSubType": None,
    }
    return "complaint", detail


def _delivery(happening: Happening) -> tuple[str, Item]:
    reply, message = happening.reply, happening.message
    detail = {
        "timestamp": iso(happening.at),
        "processingTimeMillis": happening.at - message.sent_at,
        "recipients": [message.recipient],
        "smtpResponse": reply.line if reply else "",
        "reportingMTA": "c7-23.smtp-out.eu-west-1.amazonses.com",
        "remoteMtaIp": "192.0.2.250",
    }
    return "delivery", detail


def _delay(happening: Happening) -> tuple[str, Item]:
    reply, message = happening.reply, happening.message
    recipient: Item = {"emailAddress": message.recipient}
    if reply is not None:
        recipient["status"] = reply.status or "4.0.0"
        recipient["diagnosticCode"] = f"smtp; {reply.line}"
    kind = _DELAYS.get(reply.cause, "General") if reply is not None and reply.cause else "General"
    detail = {
        "timestamp": iso(happening.at),
        "delayType": kind,
        "expirationTime": iso(message.sent_at + 14 * 3_600_000),
        "delayedRecipients": [recipient],
    }
    return "deliveryDelay", detail


def _read(happening: Happening) -> Item:
    agent = happening.agent.user_agent if happening.agent else ""
    return {"timestamp": iso(happening.at), "ipAddress": happening.reader_ip, "userAgent": agent}


def _open(happening: Happening) -> tuple[str, Item]:
    return "open", _read(happening)


def _click(happening: Happening) -> tuple[str, Item]:
    return "click", {**_read(happening), "link": happening.url, "linkTags": None}


def _subscription(happening: Happening) -> tuple[str, Item]:
    detail = {
        "contactList": "customers",
        "timestamp": iso(happening.at),
        "source": "UnsubscribeHeader",
        "newTopicPreferences": {"unsubscribeAll": True},
        "oldTopicPreferences": {"unsubscribeAll": False},
    }
    return "subscription", detail


def _send(happening: Happening) -> tuple[str, Item]:  # noqa: ARG001
    return "send", {}


_DETAILS = {
    "Send": _send,
    "Delivery": _delivery,
    "DeliveryDelay": _delay,
    "Bounce": _bounce,
    "Complaint": _complaint,
    "Open": _open,
    "Click": _click,
    "Subscription": _subscription,
}
