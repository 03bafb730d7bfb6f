"""SendGrid: bounces, invalid e-mails, spam reports and global unsubscribes are read; addresses are added to the last.

`GET /v3/suppression/<list>` with `limit` (500 at most), `offset` and `start_time`; rows have `email`, `created`
(seconds) and, for bounces, the enhanced `status`. A bounce whose status begins with 4 is on the list, but does not
say that the address is dead: `imported`. Blocks are not read: SendGrid goes on mailing these addresses. Unsubscribe
groups are not read either, since a group has no date for an address. The list may change between two pages: an entry
that slipped through is found next time.

`POST /v3/asm/suppressions/global` adds addresses to the global unsubscribes, the only list that can be added to,
whatever the cause was; so they are read back as `unsubscribe`. How many it takes at once is not documented: 500 here.
No rate is published; 429 comes with `X-RateLimit-Reset`, seconds since the epoch.

Sources: Twilio SendGrid API reference, "Retrieve all bounces", "Retrieve all invalid emails", "Retrieve all spam
reports", "Retrieve all global suppressions", "Add recipient addresses to the global suppression group", "Rate
limits".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.controls.base import base_url, secret
from connectors.controls.effects import ControlAnswer
from connectors.suppressions.base import (
    ALL_CAUSES,
    Ask,
    Entry,
    Listing,
    Page,
    batches,
    entry,
    next_by_count,
    page_of,
    rows_of,
)
from connectors.values import from_seconds, text
from schemas.config import Control
from schemas.suppressions import SuppressionCause

STANDARD_URL = "https://api.sendgrid.com"  # subusers in Europe: https://api.eu.sendgrid.com
LISTS: Mapping[str, SuppressionCause] = {
    "bounces": SuppressionCause.DEAD_ADDRESS,
    "invalid_emails": SuppressionCause.DEAD_ADDRESS,
    "spam_reports": SuppressionCause.COMPLAINT,
    "unsubscribes": SuppressionCause.UNSUBSCRIBE,
}
AT_ONCE = 500


class SendGridLists(Listing):
    """Four lists of the account or subuser whose key it is."""

    name = "sendgrid"
    title = "SendGrid"
    takes = ALL_CAUSES

    def lists(self, control: Control, since_ms: int, now_ms: int) -> Iterable[Ask]:
        """See `ServiceList.lists`."""
        root = f"{base_url(control, STANDARD_URL)}/v3/suppression"
        query = {"limit": str(AT_ONCE), "offset": "0"}
        if since_ms:
            query["start_time"] = str(since_ms // 1000)
        return [Ask(listed=name, url=f"{root}/{name}", query=query) for name in LISTS]

    def read(self, ask: Ask, answer: ControlAnswer) -> Page:
        """See `ServiceList.read`."""

        def entry_of(row: Mapping[str, Any]) -> Entry | None:
            status = text(row.get("status"))
            cause = SuppressionCause.IMPORTED if status.startswith("4") else LISTS[ask.listed]
            return entry(row.get("email"), cause, from_seconds(row.get("created")), "", ask.listed, status)

        rows = rows_of(answer)
        return page_of(rows, entry_of, *next_by_count(ask, rows))

    def add(self, control: Control, entries: Sequence[Entry]) -> Iterable[Ask]:
        """See `ServiceList.add`."""
        url = f"{base_url(control, STANDARD_URL)}/v3/asm/suppressions/global"
        some = batches(entries, AT_ONCE)
        return [Ask(listed="unsubscribes", url=url, method="POST", entries=batch) for batch in some]

    def body(self, ask: Ask) -> Any:
        """See `Listing.body`."""
        return {"recipient_emails": [item.address for item in ask.entries]}

    def headers(self, control: Control) -> dict[str, str]:
        """See `Listing.headers`."""
        return {"authorization": f"Bearer {secret(control, 'a SendGrid API key that may manage suppressions')}"}


SENDGRID = SendGridLists()
