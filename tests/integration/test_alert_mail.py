"""Alerts by SMTP against a server that speaks it: encryption, login, refusals."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from connectors.alert_delivery import send
from connectors.alerts.email import EMAIL
from connectors.control import ControlAnswer, Verdict
from schemas.errors import Transient
from tests.alert_servers import SmtpServer, certificate, smtp_server
from tests.unit.connectors.alert_cases import HOSTILE, MESSAGE, alert_of

NOW = 1_795_377_700_000
PLAIN: dict[str, Any] = {"security": "none", "user": "", "password": SecretStr("")}


async def sent(
    server: SmtpServer,
    message: Any = MESSAGE,
    context: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    **changes: Any,
) -> ControlAnswer:
    async with smtp_server(server), httpx.AsyncClient() as client:
        alert = alert_of("email", **({"host": "localhost", "port": server.port} | changes))
        return await send(client, EMAIL.request(message, alert, NOW), 5.0, context)


async def test_a_mail_arrives_whole_with_its_headers() -> None:
    server = SmtpServer()
    assert (await sent(server, **PLAIN)).status == 250
    sender, recipients, content = server.mails[0]
    assert (sender, recipients) == (
        "mailweir@very-secret.example",
        ["ops@very-secret.example", "two@very-secret.example"],
    )
    mail = message_from_bytes(content, policy=policy.default)
    assert mail["subject"] == "[mailweir] Done: pause campaign spring-2026 (acme)"
    assert mail["date"] == "Sun, 22 Nov 2026 20:01:40 +0000"
    assert mail["message-id"] == "<f00dfeed@mailweir.invalid>"
    assert mail["auto-submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == (
        "14 complaints where 5.1 are tolerable.\nacme-sendgrid: done.\n\n"
        "    mailweir decisions revert 0123456789abcdef\n\nhttps://console.example/#decision=0123456789abcdef\n"
    )


async def test_a_name_with_a_line_break_makes_no_header_and_no_recipient() -> None:
    server = SmtpServer()
    await sent(server, HOSTILE, **PLAIN)
    mail = message_from_bytes(server.mails[0][2], policy=policy.default)
    assert "bcc" not in mail
    assert mail["subject"] == "[mailweir] Done: pause campaign <!channel> *x* Bcc: all@victims.example (acme)"
    assert len(server.mails[0][1]) == 2


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_password_and_mail_travel_encrypted(security: str, tmp_path: Path) -> None:
    tls, trusting = certificate(tmp_path)
    server = SmtpServer(tls=tls, is_tls_at_once=security == "tls", login="u:very-secret")
    answer = await sent(server, context=trusting, security=security, user="u")
    assert (answer.status, server.was_encrypted) == (250, [True])
    assert server.seen[:3] == (["EHLO", "STARTTLS", "EHLO"] if security == "starttls" else ["EHLO", "AUTH", "MAIL"])


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("name", ["localhost", "elsewhere"])
async def test_a_certificate_that_nobody_vouches_for_stops_it(security: str, name: str, tmp_path: Path) -> None:
    tls, trusting = certificate(tmp_path, name)
    server = SmtpServer(tls=tls, is_tls_at_once=security == "tls", login="u:very-secret")
    context = trusting if name == "elsewhere" else ssl.create_default_context
    answer = await sent(server, context=context, security=security, user="u")
    assert EMAIL.interpret(answer).detail == (
        "the mail server refused with 554: its certificate is not valid for `host`, so nothing was sent"
    )
    assert "AUTH" not in server.seen
    assert not server.mails


async def test_without_starttls_nothing_is_said_in_clear() -> None:
    server = SmtpServer(login="u:very-secret")
    result = EMAIL.interpret(await sent(server, user="u"))
    assert (result.verdict, server.seen) == (Verdict.REFUSED, ["EHLO"])
    assert "it offers no STARTTLS, so nothing was sent" in result.detail


async def test_a_wrong_password_is_unauthorized_and_not_repeated(tmp_path: Path) -> None:
    tls, trusting = certificate(tmp_path)
    server = SmtpServer(tls=tls, login="u:other")
    result = EMAIL.interpret(await sent(server, context=trusting, user="u"))
    assert result.verdict is Verdict.UNAUTHORIZED
    assert result.detail == ("the mail server refused the credentials (535); check `user` and `password` of this alert")
    assert not server.mails


async def test_a_login_that_is_not_offered_is_said() -> None:
    tls_less = SmtpServer()
    result = EMAIL.interpret(await sent(tls_less, security="none", user="u", password=SecretStr("")))
    assert "it offers no login that is known here" in result.detail


async def test_one_refused_recipient_does_not_keep_the_others_from_it() -> None:
    server = SmtpServer(replies={"RCPT TO:<two@very-secret.example>": "550 5.1.1 <two@very-secret.example> unknown"})
    result = EMAIL.interpret(await sent(server, **PLAIN))
    assert (result.verdict, server.mails[0][1]) == (Verdict.DONE, ["ops@very-secret.example"])
    assert result.detail == "the mail server took it with 250, but refused 1 of 2 recipients"


@pytest.mark.parametrize(
    ("replies", "verdict", "said"),
    [
        ({"RCPT": "550 5.1.1 <ops@very-secret.example> unknown"}, Verdict.REFUSED, "550: 5.1.1 (address) unknown"),
        ({"RCPT": "451 4.7.1 greylisted"}, Verdict.RETRY, "answered 451"),
        ({"MAIL": "553 5.7.1 not your sender"}, Verdict.REFUSED, "553: 5.7.1 not your sender"),
        ({"mail": "452 4.3.1 full"}, Verdict.RETRY, "452: 4.3.1 full"),
        ({"greeting": "554 5.7.1 go away"}, Verdict.REFUSED, "554: 5.7.1 go away"),
        ({"greeting": "421 4.3.2 later"}, Verdict.RETRY, "421: 4.3.2 later"),
    ],
)
async def test_a_refusal_is_read_by_its_code_and_repeats_no_address(
    replies: dict[str, str], verdict: Verdict, said: str
) -> None:
    result = EMAIL.interpret(await sent(SmtpServer(replies=replies), **PLAIN))
    assert result.verdict is verdict
    assert said in result.detail
    assert "very-secret" not in result.detail


async def test_a_server_that_is_away_is_transient() -> None:
    server = SmtpServer()
    async with smtp_server(server):
        pass
    request = EMAIL.request(MESSAGE, alert_of("email", host="localhost", port=server.port, **PLAIN), NOW)
    async with httpx.AsyncClient() as client:
        with pytest.raises(Transient, match="ConnectionRefusedError on the way to localhost"):
            await send(client, request, 5.0)


async def test_a_server_that_says_nothing_ends_with_the_time_allowed() -> None:
    server = SmtpServer(replies={"EHLO": "250-never ending"})
    async with smtp_server(server), httpx.AsyncClient() as client:
        alert = alert_of("email", host="localhost", port=server.port, **PLAIN)
        with pytest.raises(Transient, match=r"no answer within|TimeoutError"):
            await send(client, EMAIL.request(MESSAGE, alert, NOW), 0.2)


async def test_what_is_taken_is_done_even_if_the_connection_ends_at_once() -> None:
    assert (await sent(SmtpServer(replies={"QUIT": "500 what"}), **PLAIN)).status == 250
