"""Bounce mails: RFC 3464 reports, plain text, and what is no bounce."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.dsn import reports
from schemas.events import BounceReason

MAILS = Path(__file__).parents[2] / "fixtures" / "bounces"


def test_each_recipient_of_a_report_is_read_with_its_own_reason() -> None:
    found = reports((MAILS / "postfix_rfc3464.eml").read_bytes())
    assert [(r.recipient, r.action, r.status, r.bounce.reason) for r in found] == [
        ("ada@example.com", "failed", "5.1.1", BounceReason.INVALID_RECIPIENT),
        ("grace@example.org", "delayed", "4.2.2", BounceReason.MAILBOX_FULL),
    ]
    assert found[0].diagnostic.startswith("550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown")


def test_a_bounce_in_plain_text_is_read_without_what_it_quotes() -> None:
    found = reports((MAILS / "qmail_text.eml").read_bytes())
    assert [(r.recipient, r.bounce.reason) for r in found] == [
        ("ada@example.com", BounceReason.INVALID_RECIPIENT),
        ("grace@example.org", BounceReason.INVALID_DOMAIN),
    ]


def test_a_vacation_notice_is_an_automatic_reply_and_no_failure() -> None:
    (found,) = reports((MAILS / "vacation.eml").read_bytes())
    assert (found.recipient, found.bounce.reason) == ("ada@example.com", BounceReason.AUTO_REPLY)


def test_an_ordinary_mail_reports_nothing() -> None:
    assert reports((MAILS / "ordinary_mail.eml").read_bytes()) == []


@pytest.mark.parametrize("mail", sorted(MAILS.glob("*.eml")), ids=lambda path: path.name)
def test_a_mail_cut_or_damaged_anywhere_never_raises(mail: Path) -> None:
    content = mail.read_bytes()
    for place in range(0, len(content), 7):
        reports(content[:place])
        reports(content[:place] + b"\xff\x00=?x?b?" + content[place + 5 :])


@pytest.mark.parametrize("charset", ["x-none", "hex", "utf-7\x00", "utf-16"])
def test_a_charset_that_nobody_knows_does_no_harm(charset: str) -> None:
    head = f"From: MAILER-DAEMON@x\nSubject: failed\nContent-Type: text/plain; charset={charset}\n\n"
    found = reports(head.encode() + b"<a@example.com>: 550 no such user\n")
    assert charset == "utf-16" or [report.recipient for report in found] == ["a@example.com"]
