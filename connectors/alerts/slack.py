"""Slack's incoming webhooks, which Mattermost takes as well: `POST` of `{"text": ...}` to a secret address.

In the text `&`, `<` and `>` are escaped, so a campaign's name can neither call a channel together nor hide a link; an
`@` is followed by a zero-width space for Mattermost, which calls people by it. 200 with `ok` is success. Slack allows
about one message a second and answers 429 with Retry-After above it. Neither knows a repeat when it sees one: a message
whose answer was lost may come twice.

Sources: api.slack.com, "Improving error conditions for Incoming Webhooks" (400, 403, 404, 410 and their words),
"Formatting text for app surfaces" and "Rate limits" (general knowledge, not re-checked); developers.mattermost.com,
"Incoming webhooks" (JSON with `text`, answer `ok`, the address is the secret).
"""

from __future__ import annotations

import json

from connectors.alerts.base import AlertRequest, Message, printable
from connectors.controls.base import ControlAnswer, ControlRequest, ControlResult, Verdict, by_status
from schemas.alerts import Alert

_LIMIT = 3_500  # characters; Mattermost's older servers take 4,000 in a message
_LINE_LIMIT = 600
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u200b", "`": "'"})
REFUSALS = {
    403: "the workspace does not let this webhook post there; ask its administrators",
    404: "the webhook or its channel is gone; make a new one and set `url` of this alert to it",
    410: "the channel is archived; set `url` of this alert to a webhook of another one",
}


class Slack:
    """Posts the message as text."""

    kind = "slack"

    def request(self, message: Message, alert: Alert, now_ms: int) -> AlertRequest:
        """See `Channel.request`."""
        body = json.dumps({"text": text(message)}).encode()
        url, headers = alert.url.get_secret_value(), {"content-type": "application/json"}
        return ControlRequest(method="POST", url=url, headers=headers, body=body)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status; Slack's `rollup_error` (500) may pass."""
        if answer.status == 401:
            return ControlResult(
                verdict=Verdict.UNAUTHORIZED, detail="the chat refused with 401; check `url` of this alert"
            )
        return by_status(answer, "the chat", REFUSALS)


def text(message: Message) -> str:
    """Title in bold, sentences, commands as code, the link bare: what both chats show alike."""
    parts = [f"*{harmless(message.title)}*", *(harmless(line) for line in message.lines)]
    parts += [f"`{harmless(command)}`" for command in message.commands]
    parts += [message.link] if message.link else []
    return "\n".join(parts)[:_LIMIT]


def harmless(line: str) -> str:
    """A line in which nothing is markup."""
    return printable(line, _LINE_LIMIT).translate(_ESCAPES)


SLACK = Slack()
