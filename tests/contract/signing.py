"""Every signer there is: one for each connector. A new provider adds its module in `signers/` and a line here."""

from __future__ import annotations

from tests.contract.signers.base import BearerSigner, Signer
from tests.contract.signers.hmac_body import BodyHmacSigner
from tests.contract.signers.mailgun import MailgunSigner
from tests.contract.signers.postal import PostalSigner
from tests.contract.signers.resend import ResendSigner
from tests.contract.signers.scaleway import ScalewaySigner
from tests.contract.signers.sendgrid import SendGridSigner
from tests.contract.signers.ses import SesSigner
from tests.contract.signers.unisender_go import UnisenderGoSigner

SIGNERS: tuple[Signer, ...] = (
    SendGridSigner(),
    SesSigner(),
    MailgunSigner(),
    BearerSigner("kumomta"),
    ResendSigner(),
    BodyHmacSigner("mailersend", "signature"),
    BodyHmacSigner("mailtrap", "mailtrap-signature"),
    PostalSigner(),
    UnisenderGoSigner(),
    ScalewaySigner(),
)
