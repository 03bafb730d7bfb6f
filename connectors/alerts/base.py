"""What an alert channel is: two pure functions, request and interpret, as a control driver is.

A channel never does I/O, never reads the clock, never retries: it turns a message into one request (an HTTP request or
a mail) and the answer into a verdict. Who sends it, and how often, is `streams.core.remediation.announce`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from connectors.controls.base import ControlAnswer, ControlRequest, ControlResult
from schemas.alerts import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is told, in words for people and in fields for machines.

    `message_id` is the same whenever the same is told through the same channel: receivers know a repeat by it.
    `lines` are whole sentences; `commands` what to type; `link` the console's page, "" without one. Names from outside
    (campaigns, say) are in them as they came: a channel makes them harmless.
    """

    message_id: str
    title: str
    lines: tuple[str, ...]
    commands: tuple[str, ...] = ()
    link: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail to submit by SMTP. Addresses, content and password are not printed."""

    host: str
    port: int
    security: str  # starttls, tls, none
    user: str = field(repr=False)
    password: str = field(repr=False)
    sender: str = field(repr=False)
    recipients: tuple[str, ...] = field(repr=False)
    content: bytes = field(repr=False)


AlertRequest = ControlRequest | Mail


class Channel(Protocol):
    """One way to tell people. Implementations are stateless objects listed in `connectors.alert.CHANNELS`."""

    @property
    def kind(self) -> str:
        """The channel's name in `alerts.kind` of the configuration and in outcomes."""

    def request(self, message: Message, alert: Alert, now_ms: int) -> AlertRequest:
        """The one request that carries the message. `now_ms`: the wall time of this attempt."""

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """What the answer means (of a mail, `status` is the SMTP reply code). Never raises; repeats no address."""


def printable(text: str, limit: int) -> str:
    """One line of at most `limit` characters without control and format characters (line breaks, writing direction)."""
    line = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return line if len(line) <= limit else line[: limit - 1] + "…"
