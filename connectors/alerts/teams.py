"""Microsoft Teams: an Adaptive Card to the address of a workflow "when a Teams webhook request is received".

The old Office 365 connectors, which took `{"text": ...}`, are retired; workflows take a `message` with an attachment
of the type `application/vnd.microsoft.card.adaptive` and no plain text, so Teams is no Slack. They answer 202 when the
flow has begun; whether it could post is seen in the flow's own history only. Text blocks know a little Markdown: its
marks are escaped, so names stay names. The address holds a signature and is the secret.

Sources: learn.microsoft.com, "Create and send messages" (connectors and workflows, Adaptive Cards only), "Create
Incoming Webhooks" (form of the message); version 1.4 and the 202 as reported in atc0005/go-teams-notify,
pull request 265.
"""

from __future__ import annotations

import json
import re
from typing import Any

from connectors.alerts.base import AlertRequest, Message, printable
from connectors.controls.base import ControlAnswer, ControlRequest, ControlResult, Verdict, by_status
from schemas.alerts import Alert

_LINE_LIMIT = 600
_MARKS = re.compile(r"([\\`*_\[\]()#~|<>])")
REFUSALS = {404: "the workflow is gone or switched off; set `url` of this alert to one that runs"}


class Teams:
    """Posts the message as a card."""

    kind = "teams"

    def request(self, message: Message, alert: Alert, now_ms: int) -> AlertRequest:
        """See `Channel.request`."""
        headers = {"content-type": "application/json"}
        body = json.dumps(card(message)).encode()
        return ControlRequest(method="POST", url=alert.url.get_secret_value(), headers=headers, body=body)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status; 401 and 403 are an address whose signature is not accepted."""
        if answer.status in {401, 403}:
            detail = f"the Teams workflow refused with {answer.status}; check `url` of this alert"
            return ControlResult(verdict=Verdict.UNAUTHORIZED, detail=detail)
        return by_status(answer, "the Teams workflow", REFUSALS)


def card(message: Message) -> dict[str, Any]:
    """The message with its one attachment."""
    blocks = [_block(harmless(message.title), weight="Bolder", size="Medium")]
    blocks += [_block(harmless(line)) for line in message.lines]
    blocks += [_block(harmless(command), fontType="Monospace") for command in message.commands]
    content: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    if message.link:
        content["actions"] = [{"type": "Action.OpenUrl", "title": "Open the console", "url": message.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def _block(text: str, **style: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **style}


def harmless(line: str) -> str:
    """A line in which nothing is markup."""
    return _MARKS.sub(r"\\\1", printable(line, _LINE_LIMIT))


TEAMS = Teams()
