"""SparkPost: the account's suppression list, read whole and added to for both kinds of mail.

`GET /api/v1/suppression-list` with `cursor=initial` and `per_page` (10,000 at most) gives `results` and, among
`links`, the `next` page's address, of which only the query is used. `from` asks by the time of the last update, which
is also taken as the entry's time. An address has a row for `transactional` and one for `non_transactional` mail; both
count for all mail here, to be on the safe side. An opt-out or an entry by hand with a `list_id` or a `subaccount_id`
counts for that as its scope, as in SparkPost's events. `Compliance` is SparkPost's own word and becomes `imported`.

`PUT /api/v1/suppression-list/` adds or updates up to 10,000 rows (50 MB), here two for each address; the source
becomes `Manually Added`, so these are read back as `manual`. An account holds a million rows that were put there by
hand. After a 5xx the same request is to be repeated. The list is not rate-limited (said in 2016).

Sources: SparkPost API reference, "Suppression list" (attributes, search, bulk create or update, subaccounts, limits);
its source at SparkPost/developers.sparkpost.com (`list_id`); SparkPost's blog, "Suppression List API Updates".
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
    next_by_link,
    page_of,
    rfc3339,
    rows_of,
)
from connectors.values import decode, first_text, from_rfc3339, mapping, sequence, text
from schemas.config import Control
from schemas.suppressions import SuppressionCause

STANDARD_URL = "https://api.sparkpost.com"  # accounts in Europe: https://api.eu.sparkpost.com
CAUSES: Mapping[str, SuppressionCause] = {
    "Spam Complaint": SuppressionCause.COMPLAINT,
    "List Unsubscribe": SuppressionCause.UNSUBSCRIBE,
    "Unsubscribe Link": SuppressionCause.UNSUBSCRIBE,
    "Bounce Rule": SuppressionCause.DEAD_ADDRESS,
    "Manually Added": SuppressionCause.MANUAL,
}
OF_THE_ADDRESS = frozenset({SuppressionCause.COMPLAINT, SuppressionCause.DEAD_ADDRESS})
KINDS = ("transactional", "non_transactional")
AT_ONCE = 1000


class SparkPostList(Listing):
    """One list for the account and its subaccounts."""

    name = "sparkpost"
    title = "SparkPost"
    takes = ALL_CAUSES

    def lists(self, control: Control, since_ms: int, now_ms: int) -> Iterable[Ask]:
        """See `ServiceList.lists`."""
        query = {"cursor": "initial", "per_page": str(AT_ONCE)} | ({"from": rfc3339(since_ms)} if since_ms else {})
        return [Ask(listed="account", url=_url(control), query=query)]

    def read(self, ask: Ask, answer: ControlAnswer) -> Page:
        """See `ServiceList.read`."""
        rows = rows_of(answer, "results")
        links = [mapping(link) for link in sequence(mapping(decode(answer.body)).get("links"))]
        link = next((text(found.get("href")) for found in links if found.get("rel") == "next"), "")
        return page_of(rows, _entry_of, *next_by_link(ask, link if rows else ""))

    def add(self, control: Control, entries: Sequence[Entry]) -> Iterable[Ask]:
        """See `ServiceList.add`."""
        some = batches(entries, AT_ONCE)
        return [Ask(listed="account", url=f"{_url(control)}/", method="PUT", entries=batch) for batch in some]

    def body(self, ask: Ask) -> Any:
        """See `Listing.body`."""
        rows = [
            {"recipient": item.address, "type": kind, "description": f"mailweir: {item.cause}"}
            for item in ask.entries
            for kind in KINDS
        ]
        return {"recipients": rows}

    def headers(self, control: Control) -> dict[str, str]:
        """See `Listing.headers`."""
        return {"authorization": secret(control, "a SparkPost API key with the right Suppression Lists: Read/Write")}


def _url(control: Control) -> str:
    return f"{base_url(control, STANDARD_URL)}/api/v1/suppression-list"


def _entry_of(row: Mapping[str, Any]) -> Entry | None:
    word = text(row.get("source"))
    cause = CAUSES.get(word, SuppressionCause.IMPORTED)
    scope = "" if cause in OF_THE_ADDRESS else first_text(row.get("list_id"), row.get("subaccount_id"))
    since = from_rfc3339(row.get("updated")) or from_rfc3339(row.get("created"))
    return entry(row.get("recipient"), cause, since, scope, word)


SPARKPOST = SparkPostList()
