"""E-mail: the message as plain text, to be submitted by SMTP.

`Message-ID` comes from the message's id, so mailboxes that look at it show a repeat once; `Auto-Submitted` (RFC 3834)
keeps vacation notices away. Every name from outside loses its line breaks before it comes near a header.

Sources: RFC 5322 (headers), RFC 5321 section 4.2 (reply codes), RFC 4954 section 6 (530, 534, 535, 538 about
credentials).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from connectors.alerts.base import AlertRequest, Mail, Message, printable
from connectors.controls.base import ControlAnswer, ControlResult, Verdict, excerpt
from schemas.alerts import Alert

PORTS = {"starttls": 587, "tls": 465, "none": 25}
_ADDRESS = re.compile(r"\S*@\S*")
_READ = 800  # bytes of a reply that are looked at
_CREDENTIALS = frozenset({530, 534, 535, 538})
_SUBJECT_LIMIT = 150
_LINE_LIMIT = 900  # RFC 5322 allows 998


class Email:
    """Submits the message to `host`."""

    kind = "email"

    def request(self, message: Message, alert: Alert, now_ms: int) -> AlertRequest:
        """See `Channel.request`. The mail is dated `now_ms`."""
        return Mail(
            host=alert.host,
            port=alert.port or PORTS[alert.security],
            security=alert.security,
            user=alert.user,
            password=alert.password.get_secret_value(),
            sender=alert.sender,
            recipients=tuple(alert.to),
            content=_mail(message, alert, now_ms).as_bytes(policy=SMTP),
        )

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By SMTP reply code; addresses in the server's words are left out."""
        status = answer.status
        if 200 <= status < 300:
            return ControlResult(verdict=Verdict.DONE, detail=f"the mail server took it with {status}{_some(answer)}")
        said = excerpt(_ADDRESS.sub("(address)", answer.body[:_READ].decode("utf-8", "replace")).encode())
        if status in _CREDENTIALS:
            detail = f"the mail server refused the credentials ({status}); check `user` and `password` of this alert"
            return ControlResult(verdict=Verdict.UNAUTHORIZED, detail=detail)
        if status < 500:
            return ControlResult(verdict=Verdict.RETRY, detail=f"the mail server answered {status}: {said}")
        return ControlResult(verdict=Verdict.REFUSED, detail=f"the mail server refused with {status}: {said}")


def _some(answer: ControlAnswer) -> str:
    """What is said when some of the recipients were refused."""
    refused = answer.headers.get("refused", "")
    return f", but refused {refused} recipients" if refused else ""


def _mail(message: Message, alert: Alert, now_ms: int) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = alert.sender
    mail["To"] = ", ".join(alert.to)
    mail["Subject"] = printable(f"[mailweir] {message.title}", _SUBJECT_LIMIT)
    mail["Date"] = format_datetime(datetime.fromtimestamp(now_ms / 1000, UTC))
    mail["Message-ID"] = f"<{message.message_id}@mailweir.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    lines = [printable(line, _LINE_LIMIT) for line in message.lines]
    lines += (
        ["", *(f"    {printable(command, _LINE_LIMIT)}" for command in message.commands)] if message.commands else []
    )
    lines += ["", message.link] if message.link else []
    mail.set_content("\n".join(lines) + "\n", cte="quoted-printable")
    return mail


EMAIL = Email()
