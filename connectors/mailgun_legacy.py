"""Mailgun's webhooks of before 2018, which old domains still send: one form per request, signed by fields of its own.

Signature: field `signature` is hex HMAC-SHA256 of `timestamp` + `token`; where one of these names comes twice the
last is Mailgun's, for every other name the first is: user variables are merged into the form. They are taken from
the header X-Mailgun-Variables where the form has the message's headers, else every field that is not Mailgun's
own is one. `dropped` is what Mailgun gave up: never tried for a suppressed address, else a bounce.
Source: "Webhooks", Mailgun documentation, as it was (Events, before the JSON payloads).
"""

from __future__ import annotations

from typing import Any

from connectors import bounces
from connectors.base import Context
from connectors.canonical import blanks, complete
from connectors.parts import FormField
from connectors.signatures import Hmac
from connectors.values import (
    decode,
    from_seconds,
    host_domain,
    json_object,
    mapping,
    message_id,
    smtp_code,
    text,
    whole,
)
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

SCHEME = Hmac(
    signature=FormField("signature"),
    signed=(FormField("timestamp"), FormField("token")),
    timestamp=FormField("timestamp"),
)
TYPES: dict[str, EventType] = {
    "delivered": EventType.DELIVERED,
    "dropped": EventType.BOUNCED,  # unless the address is suppressed
    "bounced": EventType.BOUNCED,
    "complained": EventType.COMPLAINED,
    "unsubscribed": EventType.UNSUBSCRIBED,
    "opened": EventType.OPENED,
    "clicked": EventType.CLICKED,
}
SUPPRESSED_CODES = frozenset({605, 606, 607, 625})  # bounced before, unsubscribed, complained, not subscribed
# Mailgun's own reasons; only used where the reply itself says nothing clear.
REASONS: dict[str, BounceReason] = {
    "greylisted": BounceReason.GREYLISTED,
    "espblock": BounceReason.POLICY,
    "old": BounceReason.EXPIRED,
    "bounce": BounceReason.INVALID_RECIPIENT,
    "hardfail": BounceReason.INVALID_RECIPIENT,
}
OWN_FIELDS = frozenset({
    "event", "recipient", "domain", "ip", "country", "region", "city", "user-agent", "device-type", "client-type",
    "client-name", "client-os", "campaign-id", "campaign-name", "tag", "mailing-list", "url", "timestamp", "token",
    "signature", "message-headers", "code", "error", "notification", "reason", "description", "attachment-count",
    "Message-Id", "message-id", "X-Mailgun-Sid", "X-Mailgun-Tag", "body-plain", "h",
})  # fmt: skip


def event(fields: list[tuple[str, str]], context: Context, provider: str) -> EmailEvent:
    """The event that the form's fields describe; never raises."""
    first = dict(reversed(fields))
    headers = _headers(first.get("message-headers", ""))
    variables = _variables(fields, headers)
    code = first.get("code", "")
    made = blanks(context, provider)()
    made.provider_event_type = word = first.get("event", "")
    made.event_type = event_type = _type(word, whole(code))
    made.occurred_at = from_seconds(dict(fields).get("timestamp"))
    made.recipient = first.get("recipient", "")
    made.message_id = made.smtp_message_id = message_id(
        first.get("Message-Id") or first.get("message-id") or _header(headers, "message-id")
    )
    made.campaign_id = text(variables.get("campaign_id")) or first.get("campaign-id") or first.get("campaign-name", "")
    made.variant_id = text(variables.get("variant_id"))
    made.tags = _all(fields, "tag") or _all(fields, "X-Mailgun-Tag")
    made.metadata = json_object(variables)
    made.subject = _header(headers, "subject")
    made.sending_domain = host_domain(_header(headers, "from")) or first.get("domain", "").lower()
    made.smtp_code = smtp_code(code)
    made.enhanced_status = bounces.codes_in(code)[1]
    made.smtp_response = first.get("error") or first.get("notification") or first.get("description", "")
    made.url = first.get("url", "")
    made.user_agent = first.get("user-agent", "")
    made.client_ip = first.get("ip", "")
    complete(made, context, hint=_hint(event_type, first.get("reason", ""), code))
    return made


def _all(fields: list[tuple[str, str]], name: str) -> list[str]:
    return [value for found, value in fields if found == name and value]


def _type(word: str, code: int) -> EventType:
    if word == "dropped" and code in SUPPRESSED_CODES:
        return EventType.REJECTED
    return TYPES.get(word, EventType.UNKNOWN)


def _headers(written: str) -> list[tuple[str, str]]:
    """The message's headers, a JSON list of pairs, with lower-case names; what is no pair of texts is left out."""
    try:
        found = decode(written.encode())
    except ValueError:
        return []
    pairs = (pair for pair in found if type(pair) is list and len(pair) == 2) if type(found) is list else ()
    return [(text(name).lower(), text(value)) for name, value in pairs]


def _header(headers: list[tuple[str, str]], name: str) -> str:
    return next((value for found, value in headers if found == name), "")


def _variables(fields: list[tuple[str, str]], headers: list[tuple[str, str]]) -> dict[str, Any]:
    """The sender's own values."""
    own: dict[str, Any] = {}
    if not headers:
        return {name: value for name, value in fields if name not in OWN_FIELDS}
    for name, value in headers:
        if name == "x-mailgun-variables":
            try:
                own.update(mapping(decode(value.encode())))
            except ValueError:
                continue  # a variable that was set to something else than an object
    return own


def _hint(event_type: EventType, reason: str, code: str) -> BounceClass | None:
    """How Mailgun itself classes a refusal."""
    if event_type is EventType.REJECTED:
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule=f"mailgun:{code}")
    known = REASONS.get(reason)
    return bounces.of(known, 5, confidence=0.6, rule=f"mailgun:{reason}") if known else None
