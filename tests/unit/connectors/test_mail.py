"""Mails that are no fixtures: hostile ones, large ones, and what must not be taken for a bounce."""

from __future__ import annotations

import gzip
import io
import time
import zipfile
from pathlib import Path

import pytest

from connectors import mime
from connectors.base import Context, ParseResult, Request
from connectors.bounce_text import replies
from connectors.dmarc import NoReportError, rows
from connectors.mail import Mail
from connectors.oneclick import Link, headers_of, is_signed, link_in, link_of, token_of
from connectors.unpack import TooLargeError, unpacked
from connectors.verp import recipient_in
from schemas.errors import FailureCode
from schemas.events import EmailEvent, EventType

WEBHOOKS = Path(__file__).parents[2] / "fixtures" / "webhooks" / "mail"
CONTEXT = Context(tenant="acme", source="feedback", received_at=1_767_225_600_000)
HEAD = b"From: MAILER-DAEMON@example.net\nSubject: failure notice\nContent-Type: text/plain; charset=utf-8\n\n"
FEEDBACK = "<feedback><report_metadata/><record><row><source_ip>192.0.2.1</source_ip><count>2</count></row></record>"


def read(mail: bytes) -> ParseResult:
    return Mail().parse(Request(headers={}, body=mail), CONTEXT)


def types(mail: bytes) -> list[str]:
    return [event.event_type for event in read(mail).events if isinstance(event, EmailEvent)]


@pytest.mark.parametrize(
    "mail",
    [
        b"Return-Path: <ada@example.com>\nFrom: ada@example.com\nSubject: Quota\n\nbob@example.com: mailbox full?\n",
        b"From: Ada <ada@example.com>\nSubject: Re: delivery failure\n\nMy user bob@example.com is unknown?\n",
        b"From: MAILER-DAEMON@example.net\nSubject: hello\n\nNothing is said about bob@example.com here.\n",
    ],
)
def test_what_people_write_about_mailboxes_is_no_bounce(mail: bytes) -> None:
    assert types(mail) == [EventType.UNKNOWN]


def test_the_address_that_a_bounce_was_sent_to_has_not_bounced() -> None:
    mail = HEAD.replace(b"Subject", b"To: bounce@shop.example\nSubject")
    assert replies(mime.open_mail(mail + b"<bounce@shop.example>: 550 5.1.1 user unknown\n")) == []


def test_a_vacation_notice_with_an_empty_return_path_is_an_automatic_reply() -> None:
    mail = b"Return-Path: <>\nFrom: ada@example.com\nSubject: away\nAuto-Submitted: auto-replied\n\nback soon\n"
    assert types(mail) == [EventType.AUTORESPONDED]


@pytest.mark.parametrize(
    "mail",
    [
        HEAD + b"-" * 100_000,
        HEAD + b"-" * 50_000 + b"\n" + b"--\n" * 30_000,
        HEAD + b"<style" * 16_000,
        HEAD.replace(b"plain", b"html") + b"<style" * 16_000,
        HEAD.replace(b"plain", b"html") + b"<div <a" * 14_000,
        HEAD + b"a@b.example user " * 6_000,
        HEAD + b"a" * 100_000,
        HEAD + b"".join(b"u%d@b.example 550 x%d\n\n" % (n, n) for n in range(6_000)),
    ],
    ids=range(8),
)
def test_a_hostile_text_is_read_in_time(mail: bytes) -> None:
    started = time.process_time()
    read(mail)
    assert time.process_time() - started < 5


def test_what_is_attached_to_a_mail_is_not_the_mail() -> None:
    bounce = (WEBHOOKS / "dsn_failed" / "body.eml").read_bytes()
    head = (
        b'From: ada@example.com\nContent-Type: multipart/mixed; boundary="o"\n\n--o\nContent-Type: message/rfc822\n\n'
    )
    assert types(head + bounce + b"\n--o--\n") == [EventType.UNKNOWN]


def nested(depth: int) -> bytes:
    return b"From: a@example.com\n" + b"".join(b"Content-Type: message/rfc822\n\n" for _ in range(depth)) + b"x\n"


@pytest.mark.parametrize("depth", [5, 45, 60, 5_000, 100_000])
def test_mails_in_mails_are_read_or_refused(depth: int) -> None:
    found = read(nested(depth))
    assert [failure.code for failure in found.failures] == ([FailureCode.WRONG_SHAPE] if depth > 50 else [])


def test_a_mail_of_too_many_lines_is_refused() -> None:
    assert read(HEAD + b"\n" * 600_000).failures[0].code == FailureCode.WRONG_SHAPE


# ---------------------------------------------------------------- reports


BOMB = b'<?xml version="1.0"?><!DOCTYPE f [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
EXTERNAL = b'<?xml version="1.0"?><!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("prolog", [BOMB, EXTERNAL, b'<!DOCTYPE feedback SYSTEM "http://example.com/x.dtd">'])
def test_no_entity_is_ever_declared(prolog: bytes) -> None:
    with pytest.raises(NoReportError, match="document type"):
        rows(prolog + b"<feedback><org_name>&b;&x;</org_name></feedback>", CONTEXT, "mail")


def test_xml_of_another_kind_is_no_report() -> None:
    with pytest.raises(NoReportError, match="no DMARC report"):
        rows(b"<html><body/></html>", CONTEXT, "mail")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_a_report_in_another_encoding_is_read(encoding: str) -> None:
    xml = f'<?xml version="1.0" encoding="{encoding}"?>' + FEEDBACK.replace("<row>", "<row><é/>") + "</feedback>"
    found, wrong = rows(xml.encode(encoding), CONTEXT, "mail")
    assert ([row.count for row in found], wrong) == ([2], "")


def test_a_report_with_broken_bytes_is_read_all_the_same() -> None:
    xml = FEEDBACK.replace("<report_metadata/>", "<report_metadata><org_name>caf\udcff</org_name></report_metadata>")
    found, wrong = rows((xml + "</feedback>").encode("utf-8", "surrogateescape"), CONTEXT, "mail")
    assert ([row.reporter for row in found], wrong) == (["caf\ufffd"], "")


@pytest.mark.parametrize("text", ["<a>" * 50, "<a/>" * 900_000])
def test_depth_and_number_of_elements_are_bounded(text: str) -> None:
    started = time.process_time()
    found, wrong = rows((FEEDBACK + text).encode(), CONTEXT, "mail")
    assert (len(found), "deeper" in wrong) == (1, True)
    assert time.process_time() - started < 10


def test_the_rows_of_a_report_add_up_and_have_ids_of_their_own() -> None:
    xml = FEEDBACK.replace("</record>", "</record>" * 1) + FEEDBACK.partition("/>")[2] + "</feedback>"
    found, _ = rows(xml.encode(), CONTEXT, "mail")
    assert [row.count for row in found] == [2, 2]
    assert len({row.event_id for row in found}) == 2


def zipped(name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("readme.txt", b"hello")
        archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped("r.xml", data), lambda data: data])
def test_a_packed_report_is_unpacked_up_to_the_bound(pack: object) -> None:
    assert callable(pack)
    assert unpacked(pack(b"<feedback/>")) == b"<feedback/>"
    with pytest.raises(TooLargeError):
        unpacked(pack(b" " * 2_000_000), limit=1_000_000)


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"x" * 100)[:-9],
        b"\x1f\x8bnothing",
        b"PK\x03\x04nothing",
        zipped("r.xml", b"x" * 1000)[:-30],
        zipped("r.xml", b"x" * 1000, zipfile.ZIP_LZMA),
        zipped("r.xml", b"x" * 1000)[:60] + zipped("r.xml", b"x" * 1000)[61:],
    ],
    ids=range(6),
)
def test_a_broken_archive_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"report|archive"):
        unpacked(data)


# ---------------------------------------------------------------- whom a mail was for


@pytest.mark.parametrize(
    ("address", "recipient"),
    [
        ("bounce+ada=example.com@mail.shop.example", "ada@example.com"),
        ("bounces-ada+tag=example.com@shop.example", "ada+tag@example.com"),
        ("list-return-27-ada=example.com@lists.shop.example", "ada@example.com"),
        ("news-owner+ada=mail.example.com@shop.example", "ada@mail.example.com"),
        ("prvs=4711abcdef=news@shop.example", ""),
        ("bounce@shop.example", ""),
        ("ada=example.com@shop.example", ""),
    ],
)
def test_a_return_path_names_its_recipient(address: str, recipient: str) -> None:
    assert recipient_in([address]) == recipient


def test_a_link_says_who_and_only_its_secret_signs_it() -> None:
    link = Link("acme", "Ada <Ada@Example.com>", "newsletter", "winter-sale")
    token = token_of(link, "secret")
    assert link_of(token) == Link("acme", "ada@example.com", "newsletter", "winter-sale")
    assert is_signed(token, "secret")
    assert not is_signed(token, "other")
    assert not is_signed(token_of(Link("acme", "bob@example.com"), "secret")[:-22] + token[-22:], "secret")


def test_the_two_headers_carry_the_link() -> None:
    found = headers_of(Link("acme", "ada@example.com"), "secret", "https://hooks.example.com/", "leave@shop.example")
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link_in(found["List-Unsubscribe"]) == Link("acme", "ada@example.com")
    assert found["List-Unsubscribe"].startswith("<https://hooks.example.com/u/1")
    assert "<mailto:leave@shop.example?subject=unsubscribe%20" in found["List-Unsubscribe"]


@pytest.mark.parametrize("token", ["", ".", "1.", "1e30.x", "1W10.aaaaaaaaaaaaaaaaaaaaaa", "é.é", "1" * 5_000 + ".x"])
def test_a_token_that_is_none_says_nothing(token: str) -> None:
    assert link_of(token) is None
    assert not is_signed(token, "secret")


@pytest.mark.parametrize("link", [Link("acme", ""), Link("acme", "ada"), Link("acme", "a" * 300 + "@example.com")])
def test_a_link_without_a_proper_recipient_is_not_made(link: Link) -> None:
    with pytest.raises(ValueError, match="recipient"):
        token_of(link, "secret")


def test_a_report_of_many_recipients_is_read_in_time() -> None:
    body = (WEBHOOKS / "dsn_failed" / "body.eml").read_bytes()
    group = b"\nFinal-Recipient: rfc822; u%d@example.com\nAction: failed\nStatus: 5.1.1\n"
    start = body.index(b"\nFinal-Recipient")
    text = body.replace(b"This is the mail system", b"This is the mail system\n" + b"filling \n" * 200_000)
    started = time.process_time()
    found = read(
        text.replace(body[start : start + 20], b"".join(group % n for n in range(2_000)) + body[start : start + 20])
    )
    assert len(found.events) == 1_000
    assert time.process_time() - started < 10
