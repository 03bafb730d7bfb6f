"""What mailbox providers answer: SMTP replies by provider and cause, in the wording each really uses.

`{ip}`, `{recipient}`, `{domain}` (the sending domain) and `{mx}` are filled in per message. Wordings
follow what the providers' postmaster pages and senders' logs show; the trailing session ids are made
up. A provider without an entry of its own for a cause answers like `other`, a plain Postfix.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why a message was refused."""

    UNKNOWN_USER = "unknown_user"
    INACTIVE = "inactive"
    MAILBOX_FULL = "mailbox_full"
    SPAM_CONTENT = "spam_content"
    AUTH = "auth"
    BLOCKED_IP = "blocked_ip"
    DEFERRED_IP = "deferred_ip"
    RATE_LIMITED = "rate_limited"
    GREYLISTED = "greylisted"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply: `status` is the enhanced code (RFC 3463), "" where the provider sends none."""

    code: int
    status: str
    text: str
    cause: Cause | None = None

    @property
    def line(self) -> str:
        """The reply as it stands in a log, on one line."""
        return f"{self.code} {self.status} {self.text}" if self.status else f"{self.code} {self.text}"


ACCEPTED: dict[str, Reply] = {
    "gmail": Reply(250, "2.0.0", "OK 1763780000 5b1f17b1804b1-477a9e2f - gsmtp"),
    "microsoft": Reply(250, "2.6.0", "<{message}> Queued mail for delivery -> 250 2.1.5"),
    "yahoo": Reply(250, "", "ok dirdel"),
    "apple": Reply(250, "2.0.0", "Ok: queued as 2F1A8180009C"),
    "gmx": Reply(250, "", "Requested mail action okay, completed: id=1MK5nL-1vQ2Xa0"),
    "orange": Reply(250, "2.0.0", "vP0M2 mail accepted for delivery"),
    "other": Reply(250, "2.0.0", "Ok: queued as 4dFq3J1Yz"),
}

_UNKNOWN: dict[str, Reply] = {
    "gmail": Reply(
        550,
        "5.1.1",
        "The email account that you tried to reach does not exist. Please try double-checking the recipient's email"
        " address for typos or unnecessary spaces. https://support.google.com/mail/?p=NoSuchUser 5b1f17b1804b1 - gsmtp",
    ),
    "microsoft": Reply(
        550, "5.5.0", "Requested action not taken: mailbox unavailable (S2017062302). [AM7EUR03FT048.eop-EUR03]"
    ),
    "yahoo": Reply(
        554,
        "",
        "delivery error: dd This user doesn't have a yahoo.com account ({recipient}) [0] - mta1044.mail.bf1.yahoo.com",
    ),
    "apple": Reply(550, "5.1.1", "<{recipient}>: user does not exist"),
    "gmx": Reply(550, "", "Requested action not taken: mailbox unavailable"),
    "orange": Reply(550, "5.1.1", "Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]"),
    "other": Reply(550, "5.1.1", "<{recipient}>: Recipient address rejected: User unknown in virtual mailbox table"),
}
_INACTIVE: dict[str, Reply] = {
    "gmail": Reply(
        550,
        "5.2.1",
        "The email account that you tried to reach is inactive."
        " https://support.google.com/mail/?p=DisabledUser 5b1f17b1804b1 - gsmtp",
    ),
    "other": Reply(550, "5.2.1", "<{recipient}>: Recipient address rejected: this mailbox is disabled"),
}
_FULL: dict[str, Reply] = {
    "gmail": Reply(
        452,
        "4.2.2",
        "The recipient's inbox is out of storage space. https://support.google.com/mail/?p=OverQuotaTemp - gsmtp",
    ),
    "microsoft": Reply(452, "4.2.2", "Mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException"),
    "apple": Reply(452, "4.2.2", "<{recipient}>: user is over quota"),
    "other": Reply(452, "4.2.2", "<{recipient}>: Mailbox is full / over quota"),
}
_CONTENT: dict[str, Reply] = {
    "apple": Reply(
        554, "5.7.1", "[HM08] Message rejected due to local policy: content looks like spam. https://support.apple.com"
    ),
    "yahoo": Reply(
        554, "5.7.9", "Message not accepted for policy reasons: spam content. https://postmaster.yahooinc.com"
    ),
    "other": Reply(550, "5.7.1", "Message content rejected as spam by the content filter"),
}
_AUTH: dict[str, Reply] = {
    "gmail": Reply(
        550,
        "5.7.26",
        "This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate"
        " with either SPF or DKIM. https://support.google.com/mail/answer/81126#authentication - gsmtp",
    ),
    "microsoft": Reply(
        550, "5.7.515", "Access denied, sending domain {domain} does not meet the required authentication level."
    ),
    "other": Reply(550, "5.7.1", "Email rejected per DMARC policy for {domain}"),
}
_BLOCKED_IP: dict[str, Reply] = {
    "gmail": Reply(
        550,
        "5.7.1",
        "[{ip}] Our system has detected an unusual rate of unsolicited mail originating from your IP address. To"
        " protect our users from spam, mail sent from your IP address has been blocked."
        " https://support.google.com/mail/?p=UnsolicitedIPError - gsmtp",
    ),
    "microsoft": Reply(
        550,
        "5.7.1",
        "Unfortunately, messages from [{ip}] weren't sent. Please contact your Internet service provider since part of"
        " their network is on our block list (S3150)."
        " You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors.",
    ),
    "yahoo": Reply(
        553, "5.7.1", "[BL21] Connections will not be accepted from {ip}, because the ip is in Spamhaus's list"
    ),
    "other": Reply(
        554,
        "5.7.1",
        "Service unavailable; Client host [{ip}] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/{ip}",
    ),
}
_DEFERRED_IP: dict[str, Reply] = {
    "gmail": Reply(
        421,
        "4.7.28",
        "[{ip}] Our system has detected an unusual rate of unsolicited mail originating from your IP address. To"
        " protect our users from spam, mail sent from your IP address has been temporarily rate limited. - gsmtp",
    ),
    "microsoft": Reply(
        451,
        "4.7.650",
        "The mail server [{ip}] has been temporarily rate limited due to IP reputation. For e-mail delivery"
        " information, see https://postmaster.live.com (S775)",
    ),
    "yahoo": Reply(
        421,
        "4.7.0",
        "[TSS04] Messages from {ip} temporarily deferred due to unexpected volume or user complaints - 4.16.55.1;"
        " see https://postmaster.yahooinc.com/error-codes",
    ),
    "other": Reply(450, "4.7.1", "Client host [{ip}] temporarily refused: poor reputation, try again later"),
}
_RATE: dict[str, Reply] = {
    "gmail": Reply(
        450,
        "4.2.1",
        "The user you are trying to contact is receiving mail at a rate that prevents additional messages from being"
        " delivered. https://support.google.com/mail/?p=ReceivingRate - gsmtp",
    ),
    "orange": Reply(421, "", "mwinf5c10 ME Too many connections, slow down. OFR004_104 [104]"),
    "other": Reply(451, "4.7.1", "Too many messages in a short time, please slow down and try again later"),
}
_GREY: dict[str, Reply] = {
    "other": Reply(450, "4.2.0", "<{recipient}>: Recipient address rejected: Greylisted, try again in 300 seconds")
}
_BUSY: dict[str, Reply] = {
    "gmail": Reply(421, "4.3.0", "Temporary System Problem. Try again later. 5b1f17b1804b1 - gsmtp"),
    "microsoft": Reply(451, "4.3.2", "Temporary server error. Please try again later ATTR17"),
    "other": Reply(451, "4.3.0", "Temporary local problem, please try again later"),
}
REPLIES: dict[Cause, dict[str, Reply]] = {
    Cause.UNKNOWN_USER: _UNKNOWN,
    Cause.INACTIVE: _INACTIVE,
    Cause.MAILBOX_FULL: _FULL,
    Cause.SPAM_CONTENT: _CONTENT,
    Cause.AUTH: _AUTH,
    Cause.BLOCKED_IP: _BLOCKED_IP,
    Cause.DEFERRED_IP: _DEFERRED_IP,
    Cause.RATE_LIMITED: _RATE,
    Cause.GREYLISTED: _GREY,
    Cause.BUSY: _BUSY,
}


def refusal(provider: str, cause: Cause, *, ip: str, recipient: str, domain: str) -> Reply:
    """What `provider` answers for `cause`, filled in for one message."""
    texts = REPLIES[cause]
    reply = texts.get(provider) or texts["other"]
    return Reply(reply.code, reply.status, reply.text.format(ip=ip, recipient=recipient, domain=domain), cause)


def acceptance(provider: str, *, message: str) -> Reply:
    """What `provider` answers when it takes the message."""
    reply = ACCEPTED[provider]
    return Reply(reply.code, reply.status, reply.text.replace("{message}", message))
