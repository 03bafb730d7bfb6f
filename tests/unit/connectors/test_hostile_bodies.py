"""Bodies that are made to cost, to deceive or to leak; each has once done so."""

from __future__ import annotations

import base64
import gzip
import json
import time

import pytest

from connectors.base import Context, ParseResult, Request
from connectors.mail import Mail
from connectors.mailgun import Mailgun
from connectors.oneclick import Link, OneClick, token_of
from connectors.parts import Field, Query
from connectors.standardwebhooks import StandardWebhooks
from schemas.config import Source
from schemas.errors import Rejected
from schemas.events import EmailEvent
from streams.gateway.certificates import HttpCertificates

RECEIVED = 1_767_225_600_000
CONTEXT = Context(tenant="acme", source="s", received_at=RECEIVED)
DAY_MS = 86_400_000
MANY_S = 3.0  # of CPU; honest ones take milliseconds, these once took ten times as long


def mail(text: bytes) -> ParseResult:
    return Mail().parse(Request(headers={}, body=text), CONTEXT)


def recipients(result: ParseResult) -> list[str]:
    return [event.recipient for event in result.events if isinstance(event, EmailEvent)]


def test_a_large_body_with_a_signature_inside_is_refused_before_much_is_done() -> None:
    body = b'{"signature":{"timestamp":"1","token":"t","signature":"ab"},"a":[' + b"NaN," * 5_000_000 + b"1]}"
    source = Source.model_validate({"name": "s", "provider": "mailgun", "secrets": ["first-key", "second-key"]})
    began = time.process_time()
    with pytest.raises(Rejected):
        Mailgun().verify(Request(headers={}, body=body, received_at=RECEIVED), source, HttpCertificates(None))  # type: ignore[arg-type]
    assert time.process_time() - began < MANY_S


def test_fields_of_one_body_are_not_taken_for_those_of_another() -> None:
    field = Field(("a", "b"))
    bodies = [json.dumps({"a": {"b": str(number)}}).encode() for number in range(5)] + [b"{", b"[]"]
    for body in bodies + bodies[::-1]:
        expected = json.loads(body)["a"]["b"].encode() if b"a" in body else b""
        assert field.read(Request(headers={}, body=body)) == expected


@pytest.mark.parametrize(
    "address", ["http://[", "http://[/webhooks/x?key=secret", "?key=secret", "", "::::?key=secret#x"]
)
def test_an_address_that_is_none_is_read_all_the_same(address: str) -> None:
    expected = b"secret" if "key" in address else b""
    assert Query("key").read(Request(headers={}, body=b"", url=address)) == expected


def test_a_thousand_recipients_in_a_header_are_cut() -> None:
    header = b"".join(
        b"X-Failed-Recipients: " + b", ".join(b"u%d-%d@example.net" % (line, at) for at in range(330)) + b"\n"
        for line in range(30)
    )
    began = time.process_time()
    result = mail(b"From: MAILER-DAEMON@example.net\nSubject: failure\n" + header + b"\nNo such user.\n")
    assert time.process_time() - began < MANY_S
    assert 0 < len(result.events) <= 100


def test_a_text_in_a_charset_that_is_a_puzzle_is_read_as_utf8() -> None:
    head = b"From: MAILER-DAEMON@x.example\nSubject: failure\nContent-Type: text/plain; charset=punycode\n\n"
    began = time.process_time()
    mail(head + b"a-" + b"b9" * 50_000)
    assert time.process_time() - began < MANY_S


@pytest.mark.parametrize(
    "line",
    [
        b"From: " + b"(" * 1_500 + b")" * 1_500,
        b"Subject: =?unicode_escape?q?=5Cud800?=",
        b"Subject: =?punycode?q?" + b"b9" * 500 + b"?=",
        b"Subject: =?hex?q?00?= and =?utf-8?q?more?= \xff",
        b"Content-Type: text/plain; charset=ut\x00f-8",
        b"Content-Type: text/plain; charset*=ut\x00f-8''x",
    ],
)
def test_a_strange_header_raises_nothing(line: bytes) -> None:
    mail(line + b"\nFrom: MAILER-DAEMON@example.net\n\n\xff No such user ada@example.com.\n")
    for event in mail(line + b"\nFrom: ada@example.com\nTo: unsubscribe@shop.example\n\n").events:
        assert isinstance(event, EmailEvent)
        event.subject.encode()


@pytest.mark.parametrize("kind", ["message/delivery-status", "message/feedback-report", "message/rfc822", "text/plain"])
def test_a_part_in_a_strange_charset_raises_nothing(kind: str) -> None:
    part = f"--b\nContent-Type: {kind}; charset=ut\0f-8\n\nFinal-Recipient: rfc822; ada@example.com\n\xff\n".encode(
        "latin-1"
    )
    nested = b"--b\nContent-Type: message/delivery-status\n\nContent-Type: text/plain; charset=\0\n\n\xff\n"
    head = b"From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; boundary=b\n\n"
    mail(head + part + nested + b"--b--\n")


def test_reports_of_one_mail_share_one_bound() -> None:
    row = "<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record>"
    report = gzip.compress(f"<feedback><report_metadata/>{row * 20_000}</feedback>".encode() + b" " * 8_000_000)
    part = b"--b\nContent-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(report)
    text = (
        b"From: a@b.example\nSubject: Report Domain: x\nContent-Type: multipart/mixed; boundary=b\n\n"
        + part * 4
        + b"--b--\n"
    )
    result = mail(text)
    assert len(result.events) == 20_000
    assert len(result.failures) == 3


def test_a_forged_link_opts_nobody_else_out() -> None:
    token = token_of(Link("acme", "victim@example.org", "news"), "a secret of the attacker")
    text = b"From: evil@example.net\nTo: unsubscribe@shop.example\nSubject: unsubscribe " + token.encode() + b"\n\n"
    assert recipients(mail(text)) == ["evil@example.net"]


def test_who_opts_out_again_another_day_means_it() -> None:
    url = "https://h.example/u/" + token_of(Link("acme", "ada@example.com"), "secret")
    request = Request(headers={}, body=b"List-Unsubscribe=One-Click", url=url)
    ids = []
    for at in (RECEIVED, RECEIVED + 1_000, RECEIVED + DAY_MS):
        context = Context(tenant="acme", source="s", received_at=at)
        ids += [event.event_id for event in OneClick().parse(request, context).events]
    assert ids[0] == ids[1] != ids[2]


def test_a_form_of_many_lines_is_read_in_time() -> None:
    body = b"name=List-Unsubscribe" + b" \n" * 2_500 + b"a\n" * 2_400
    url = "https://h.example/u/" + token_of(Link("acme", "ada@example.com"), "secret")
    began = time.process_time()
    OneClick().parse(Request(headers={}, body=body, url=url), CONTEXT)
    assert time.process_time() - began < 0.3


def test_an_id_that_was_not_signed_is_not_taken() -> None:
    body = b'{"type":"user.login","timestamp":"2026-01-01T00:00:00Z","data":{}}'
    headers = {"svix-id": "msg_1", "svix-signature": "v1,x"}
    ids = [
        StandardWebhooks().parse(Request(headers=given, body=body), CONTEXT).events[0].event_id
        for given in (headers, {**headers, "webhook-id": "forged"})
    ]
    assert ids[0] == ids[1]
