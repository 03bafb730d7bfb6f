"""The registry of services whose own suppression lists can be read and, with most, added to.

To add one: a module in `connectors/suppressions/`, one line here, a fixture in `tests/fixtures/suppressions/`. The
contract suite (`tests/contract/test_suppressions.py`) loops over `SERVICES`.
"""

from __future__ import annotations

from connectors.suppressions.base import Ask, Entry, Page, ServiceList, Taken
from connectors.suppressions.brevo import BREVO
from connectors.suppressions.mailgun import MAILGUN
from connectors.suppressions.postmark import POSTMARK
from connectors.suppressions.sendgrid import SENDGRID
from connectors.suppressions.ses import SES
from connectors.suppressions.sparkpost import SPARKPOST
from schemas.config import Source
from schemas.errors import Misconfigured

__all__ = ["SERVICES", "Ask", "Entry", "Page", "ServiceList", "Taken", "service_of"]

SERVICES: tuple[ServiceList, ...] = (SENDGRID, SES, MAILGUN, POSTMARK, SPARKPOST, BREVO)

_BY_NAME = {service.name: service for service in SERVICES}
if len(_BY_NAME) != len(SERVICES):
    raise Misconfigured("two services share a name in connectors.suppression.SERVICES")


def service_of(source: Source) -> ServiceList:
    """The service that `control.driver` of the source names, else its `provider`. Raises Misconfigured for others."""
    name = source.control.driver if source.control.driver != "none" else source.provider
    if name not in _BY_NAME:
        raise Misconfigured(
            f"source {source.name!r} belongs to {name!r}, whose suppression list is not known; known:"
            f" {', '.join(sorted(_BY_NAME))}"
        )
    return _BY_NAME[name]
