"""Every signer there is: one for each connector. A new provider adds its module in `signers/` and a line here."""

from __future__ import annotations

from tests.contract.signers.azure import AzureSigner
from tests.contract.signers.base import BearerSigner, Signer
from tests.contract.signers.customerio import CustomerIoSigner
from tests.contract.signers.klaviyo import KlaviyoSigner
from tests.contract.signers.mailgun import MailgunSigner
from tests.contract.signers.sendgrid import SendGridSigner
from tests.contract.signers.ses import SesSigner

SIGNERS: tuple[Signer, ...] = (
    SendGridSigner(),
    SesSigner(),
    MailgunSigner(),
    BearerSigner("kumomta"),
    AzureSigner(),
    CustomerIoSigner(),
    BearerSigner("iterable"),
    KlaviyoSigner(),
    BearerSigner("braze"),
    BearerSigner("smtp2go"),
)
