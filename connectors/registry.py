"""Every connector there is, in one literal tuple. To add a provider, import its object and list it here."""

from __future__ import annotations

import difflib

from connectors.ahasend import AhaSend
from connectors.azure import Azure
from connectors.base import Connector
from connectors.braze import Braze
from connectors.brevo import Brevo
from connectors.cloudevents import CloudEvents
from connectors.customerio import CustomerIo
from connectors.ga4 import Ga4
from connectors.greenarrow import GreenArrow
from connectors.halon import Halon
from connectors.hubspot import HubSpot
from connectors.iterable import Iterable
from connectors.klaviyo import Klaviyo
from connectors.kumomta import KumoMta
from connectors.lettermint import Lettermint
from connectors.mail import Mail
from connectors.mailersend import MailerSend
from connectors.mailgun import Mailgun
from connectors.mailjet import Mailjet
from connectors.mailomat import Mailomat
from connectors.mailtrap import Mailtrap
from connectors.mandrill import Mandrill
from connectors.oneclick import OneClick
from connectors.postal import Postal
from connectors.postfix import Postfix
from connectors.postmark import Postmark
from connectors.postmaster import Postmaster
from connectors.powermta import PowerMta
from connectors.resend import Resend
from connectors.scaleway import Scaleway
from connectors.segment import Segment
from connectors.sendgrid import SendGrid
from connectors.ses import Ses
from connectors.shopify import Shopify
from connectors.smtp2go import Smtp2Go
from connectors.snds import Snds
from connectors.sparkpost import Momentum, SparkPost
from connectors.standardwebhooks import StandardWebhooks
from connectors.stripe import Stripe
from connectors.sweego import Sweego
from connectors.tls_report import TlsReports
from connectors.unisender_go import UnisenderGo
from connectors.woocommerce import WooCommerce
from schemas.errors import Misconfigured

CONNECTORS: tuple[Connector, ...] = (
    Ses(),
    SendGrid(),
    Mailgun(),
    KumoMta(),
    Azure(),
    CustomerIo(),
    Iterable(),
    Klaviyo(),
    Braze(),
    Postmark(),
    SparkPost(),
    Momentum(),
    Mandrill(),
    Mailjet(),
    Brevo(),
    AhaSend(),
    Mailomat(),
    Sweego(),
    Lettermint(),
    Resend(),
    MailerSend(),
    Mailtrap(),
    Postal(),
    UnisenderGo(),
    Scaleway(),
    Smtp2Go(),
    Segment(),
    CloudEvents(),
    Shopify(),
    WooCommerce(),
    Stripe(),
    HubSpot(),
    Ga4(),
    StandardWebhooks(),
    PowerMta(),
    Postfix(),
    GreenArrow(),
    Halon(),
    Mail(),
    OneClick(),
    TlsReports(),
    Postmaster(),
    Snds(),
)


def by_name(connectors: tuple[Connector, ...]) -> dict[str, Connector]:
    """The connectors by name. Raises ValueError when two share one."""
    found: dict[str, Connector] = {}
    for item in connectors:
        if item.name in found:
            raise ValueError(f"two connectors are called {item.name!r}")
        found[item.name] = item
    return found


_BY_NAME = by_name(CONNECTORS)


def connector(name: str) -> Connector:
    """The connector of a provider. Raises Misconfigured naming the nearest known provider."""
    found = _BY_NAME.get(name)
    if found is not None:
        return found
    near = difflib.get_close_matches(name.lower(), _BY_NAME, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known providers: {', '.join(sorted(_BY_NAME))}"
    raise Misconfigured(f"unknown provider {name[:60]!r}; {hint}")
