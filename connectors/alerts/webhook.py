"""A signed webhook of one's own: the message and the decision as JSON, after the Standard Webhooks specification.

`webhook-id` is the message's id, the same over retries and restarts, so a receiver knows a repeat; it is not the id
under which the control driver `webhook` posts the same decision, so one receiver can take both.

Source: standard-webhooks specification (standardwebhooks.com), sections on headers and signatures.
"""

from __future__ import annotations

import json

from connectors.alerts.base import AlertRequest, Message
from connectors.controls.base import ControlAnswer, ControlRequest, ControlResult, Verdict, by_status
from connectors.controls.standard_webhooks import signature
from schemas.alerts import Alert
from schemas.signed_webhook import signing_key


class SignedWebhook:
    """Posts the message, signed, to `url`."""

    kind = "webhook"

    def request(self, message: Message, alert: Alert, now_ms: int) -> AlertRequest:
        """See `Channel.request`."""
        body, timestamp = payload(message), str(now_ms // 1000)
        headers = {
            "content-type": "application/json",
            "webhook-id": message.message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(signing_key(alert.secret), message.message_id, timestamp, body),
        }
        return ControlRequest(method="POST", url=alert.url.get_secret_value(), headers=headers, body=body)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status."""
        if answer.status in {401, 403}:
            detail = f"the webhook refused with {answer.status}; check `secret` of this alert"
            return ControlResult(verdict=Verdict.UNAUTHORIZED, detail=detail)
        return by_status(answer, "the webhook")


def payload(message: Message) -> bytes:
    """The body, in a fixed order."""
    data = {
        "title": message.title,
        "lines": message.lines,
        "commands": message.commands,
        "link": message.link,
        **message.data,
    }
    return json.dumps({"type": "mailweir.told", "data": data}, separators=(",", ":")).encode()


WEBHOOK = SignedWebhook()
