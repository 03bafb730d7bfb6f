"""Brevo: the blocked or unsubscribed contacts of transactional mail, read only.

`GET /v3/smtp/blockedContacts` with `limit` (100 at most), `offset` and `sort` gives `contacts`, each with a
`reason.code` and `blockedAt`. `startDate` and `endDate` are days, come together and may not lie in the future. The
oldest come first, so that entries which are added meanwhile move no page.

Adding is not offered: there is a call that blocks a whole domain, and `emailBlacklisted` of a contact, which stops
marketing campaigns; neither is this list. Contacts blocked for marketing campaigns only are not read.

Sources: Brevo API reference, "Get the list of blocked or unsubscribed transactional contacts" (parameters, codes),
"Unblock or resubscribe a transactional contact", "Add a new domain to the list of blocked domains"; "Rate limits"
(1,000 requests a second for this call), "Rate limit headers" (`x-sib-ratelimit-reset`, seconds).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.controls.base import base_url, secret
from connectors.controls.effects import ControlAnswer
from connectors.suppressions.base import Ask, Entry, Listing, Page, entry, next_by_count, page_of, rfc3339, rows_of
from connectors.values import decode, from_rfc3339, mapping, text
from schemas.config import Control
from schemas.suppressions import SuppressionCause

STANDARD_URL = "https://api.brevo.com"
CAUSES: Mapping[str, SuppressionCause] = {
    "contactFlaggedAsSpam": SuppressionCause.COMPLAINT,
    "unsubscribedViaEmail": SuppressionCause.UNSUBSCRIBE,
    "unsubscribedViaApi": SuppressionCause.UNSUBSCRIBE,
    "unsubscribedViaMA": SuppressionCause.UNSUBSCRIBE,  # marketing automation
    "hardBounce": SuppressionCause.DEAD_ADDRESS,
    "adminBlocked": SuppressionCause.MANUAL,
}
AT_ONCE = 100


class BrevoList(Listing):
    """The list of one account."""

    name = "brevo"
    title = "Brevo"

    def lists(self, control: Control, since_ms: int, now_ms: int) -> Iterable[Ask]:
        """See `ServiceList.lists`."""
        query = {"limit": str(AT_ONCE), "offset": "0", "sort": "asc"}
        if since_ms:
            query |= {"startDate": rfc3339(since_ms)[:10], "endDate": rfc3339(now_ms)[:10]}
        url = f"{base_url(control, STANDARD_URL)}/v3/smtp/blockedContacts"
        return [Ask(listed="blocked contacts", url=url, query=query)]

    def read(self, ask: Ask, answer: ControlAnswer) -> Page:
        """See `ServiceList.read`. `contacts` is null, or not there, when nobody is on the page."""
        document = mapping(decode(answer.body))
        is_empty = "count" in document and document.get("contacts") is None
        rows = [] if is_empty else rows_of(answer, "contacts")
        return page_of(rows, _entry_of, *next_by_count(ask, rows))

    def headers(self, control: Control) -> dict[str, str]:
        """See `Listing.headers`."""
        return {"api-key": secret(control, "a Brevo API key (version 3)")}


def _entry_of(row: Mapping[str, Any]) -> Entry | None:
    code = text(mapping(row.get("reason")).get("code"))
    cause = CAUSES.get(code, SuppressionCause.IMPORTED)
    return entry(row.get("email"), cause, from_rfc3339(row.get("blockedAt")), "", code)


BREVO = BrevoList()
