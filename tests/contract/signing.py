"""Every signer there is: one for each connector. A new provider adds its module in `signers/` and a line here."""

from __future__ import annotations

from tests.contract.signers.base import BearerSigner, Signer
from tests.contract.signers.mailgun import MailgunSigner
from tests.contract.signers.oneclick import OneClickSigner
from tests.contract.signers.sendgrid import SendGridSigner
from tests.contract.signers.ses import SesSigner
from tests.contract.signers.tlsrpt import TlsReportSigner

SIGNERS: tuple[Signer, ...] = (
    SendGridSigner(),
    SesSigner(),
    MailgunSigner(),
    BearerSigner("kumomta"),
    BearerSigner("mail"),
    OneClickSigner(),
    TlsReportSigner(),
)
