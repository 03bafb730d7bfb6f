"""Every connector there is, in one literal tuple. To add a provider, import its object and list it here."""

from __future__ import annotations

import difflib

from connectors.base import Connector
from connectors.kumomta import KumoMta
from connectors.mail import Mail
from connectors.mailgun import Mailgun
from connectors.oneclick import OneClick
from connectors.sendgrid import SendGrid
from connectors.ses import Ses
from connectors.tls_report import TlsReports
from schemas.errors import Misconfigured

CONNECTORS: tuple[Connector, ...] = (
    Ses(),
    SendGrid(),
    Mailgun(),
    KumoMta(),
    Mail(),
    OneClick(),
    TlsReports(),
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
