"""Every signer there is: one for each connector. A new provider adds its module in `signers/` and a line here."""

from __future__ import annotations

from tests.contract.signers.activities import (
    HeaderSigner,
    HubSpotSigner,
    QuerySigner,
    SegmentSigner,
    StandardWebhooksSigner,
    StripeSigner,
)
from tests.contract.signers.ahasend import AhaSendSigner
from tests.contract.signers.azure import AzureSigner
from tests.contract.signers.base import BearerSigner, Signer
from tests.contract.signers.customerio import CustomerIoSigner
from tests.contract.signers.greenarrow import GreenArrowSigner
from tests.contract.signers.hmac_body import BodyHmacSigner
from tests.contract.signers.klaviyo import KlaviyoSigner
from tests.contract.signers.lettermint import LettermintSigner
from tests.contract.signers.mailgun import MailgunSigner
from tests.contract.signers.mailomat import MailomatSigner
from tests.contract.signers.mandrill import MandrillSigner
from tests.contract.signers.oneclick import OneClickSigner
from tests.contract.signers.postal import PostalSigner
from tests.contract.signers.resend import ResendSigner
from tests.contract.signers.scaleway import ScalewaySigner
from tests.contract.signers.sendgrid import SendGridSigner
from tests.contract.signers.ses import SesSigner
from tests.contract.signers.sweego import SweegoSigner
from tests.contract.signers.tlsrpt import TlsReportSigner
from tests.contract.signers.unisender_go import UnisenderGoSigner

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
    BearerSigner("postmark"),
    BearerSigner("sparkpost"),
    BearerSigner("momentum"),
    MandrillSigner(),
    BearerSigner("mailjet"),
    BearerSigner("brevo"),
    AhaSendSigner(),
    MailomatSigner(),
    SweegoSigner(),
    LettermintSigner(),
    ResendSigner(),
    BodyHmacSigner("mailersend", "signature"),
    BodyHmacSigner("mailtrap", "mailtrap-signature"),
    PostalSigner(),
    UnisenderGoSigner(),
    ScalewaySigner(),
    BearerSigner("smtp2go"),
    SegmentSigner(),
    StripeSigner(),
    HubSpotSigner(),
    StandardWebhooksSigner(),
    HeaderSigner("shopify", "x-shopify-hmac-sha256"),
    HeaderSigner("woocommerce", "x-wc-webhook-signature"),
    QuerySigner("ga4", "api_secret"),
    BearerSigner("cloudevents"),
    BearerSigner("powermta"),
    BearerSigner("postfix"),
    GreenArrowSigner(),
    BearerSigner("halon"),
    BearerSigner("mail"),
    OneClickSigner(),
    TlsReportSigner(),
    BearerSigner("postmaster"),
    BearerSigner("snds"),
)
