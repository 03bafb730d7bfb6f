"""Sends one alert, by HTTP or by SMTP: the only place where a channel's request meets a network.

SMTP is the standard library's client in a thread: a connection for each mail, since alerts are few. Everything that may
succeed later becomes `Transient`; answers, also bad ones, are values.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable

import httpx

from connectors import control_http
from connectors.alerts.base import AlertRequest, Mail
from connectors.controls.base import ControlAnswer
from schemas.errors import Misconfigured, Transient

Context = Callable[[], ssl.SSLContext]
_NO_TLS = ControlAnswer(status=554, body=b"it offers no STARTTLS, so nothing was sent; use `security: tls`, or none")
_NO_TRUST = ControlAnswer(status=554, body=b"its certificate is not valid for `host`, so nothing was sent")
_NO_LOGIN = ControlAnswer(status=554, body=b"it offers no login that is known here; leave `user` out if it needs none")


async def send(
    client: httpx.AsyncClient, request: AlertRequest, timeout_s: float, context: Context = ssl.create_default_context
) -> ControlAnswer:
    """The answer to `request`; of a mail `status` is the SMTP reply code.

    `context` makes the TLS settings for SMTP. Raises Transient when there is no answer within `timeout_s` seconds; the
    other side may have acted all the same. Raises Misconfigured for an address that is none.
    """
    if isinstance(request, Mail):
        try:
            async with asyncio.timeout(timeout_s):  # a thread left behind ends by its own time limit
                return await asyncio.to_thread(_submit, request, timeout_s, context)
        except TimeoutError as error:
            raise Transient(f"no answer within {timeout_s:g} s") from error
    try:
        return await control_http.send(client, request, timeout_s)
    except Misconfigured as error:
        raise Misconfigured("`url` of this alert is no address; mend it") from error


def _submit(mail: Mail, timeout_s: float, context: Context) -> ControlAnswer:
    """One SMTP session. Blocks; the caller's thread is for that."""
    try:
        session = _connected(mail, timeout_s, context)
        try:
            return _hand_over(session, mail, context)
        finally:
            session.close()  # without QUIT: once the mail is taken, no answer to QUIT may make it a failure
    except smtplib.SMTPRecipientsRefused as error:
        return _softest(error)
    except smtplib.SMTPResponseException as error:
        return ControlAnswer(status=error.smtp_code, body=_bytes(error.smtp_error))
    except ssl.SSLCertVerificationError:
        return _NO_TRUST
    except (OSError, smtplib.SMTPException) as error:
        raise Transient(f"{type(error).__name__} on the way to {mail.host}") from error


def _connected(mail: Mail, timeout_s: float, context: Context) -> smtplib.SMTP:
    if mail.security == "tls":
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=timeout_s, context=context())
    return smtplib.SMTP(mail.host, mail.port, timeout=timeout_s)


def _hand_over(session: smtplib.SMTP, mail: Mail, context: Context) -> ControlAnswer:
    session.ehlo_or_helo_if_needed()
    if mail.security == "starttls":
        if not session.has_extn("starttls"):
            return _NO_TLS
        session.starttls(context=context())
    if mail.user:
        try:
            session.login(mail.user, mail.password)
        except smtplib.SMTPNotSupportedError:
            return _NO_LOGIN
    refused = session.sendmail(mail.sender, list(mail.recipients), mail.content)
    return ControlAnswer(
        status=250, headers={"refused": f"{len(refused)} of {len(mail.recipients)}"} if refused else {}
    )


def _softest(error: smtplib.SMTPRecipientsRefused) -> ControlAnswer:
    """Nobody was accepted: the reply with the most hope, a temporary one before a final one."""
    code, text = min(error.recipients.values())
    return ControlAnswer(status=code, body=_bytes(text))


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
