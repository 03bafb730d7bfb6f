"""Mailgun: the bounces, complaints and unsubscribes of one sending domain, read and added to, each cause to its list.

Lists belong to a domain, so `control.base_url` names it: https://api.mailgun.net/v3/<domain>, as Mailgun's own pages
write an API base URL. `GET .../<list>` gives `items` in alphabetical order, 1,000 at most, and under `paging` the
`next` page's URL, of which only the query is used; the page behind the last has no items. There is no question "since
when", so the whole list is read and older entries are passed over. An unsubscribe names tags; `*` is all mail of the
domain, any other tag becomes the scope. Only permanent failures of the mailbox become bounces there.

`POST .../<list>` with a JSON array adds up to 1,000 records, and updates those that are there. Causes without a list
of their own (`manual`, `imported`) go to the unsubscribes. The allowlist (`whitelists`) is not touched. No rate is
documented for these calls.

Sources: Mailgun documentation, "Suppressions" (lists, paging, tags, adding several, RFC 2822 dates). General
knowledge, not re-checked: that Europe's address is https://api.eu.mailgun.net, and how many records one refused
record costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from connectors.controls.base import base_url, basic, secret
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
    rows_of,
)
from connectors.values import decode, from_http_date, mapping, text, texts
from schemas.config import Control
from schemas.errors import Misconfigured
from schemas.suppressions import SuppressionCause

DOMAIN_URL = re.compile(r"https?://[^/]+/v3/[^/?#]+\.[^/?#]+")
LISTS: Mapping[str, SuppressionCause] = {
    "bounces": SuppressionCause.DEAD_ADDRESS,
    "complaints": SuppressionCause.COMPLAINT,
    "unsubscribes": SuppressionCause.UNSUBSCRIBE,
}
PLACES: Mapping[SuppressionCause, str] = {
    **dict.fromkeys(ALL_CAUSES, "unsubscribes"),
    SuppressionCause.COMPLAINT: "complaints",
    SuppressionCause.DEAD_ADDRESS: "bounces",
    SuppressionCause.DEAD_DOMAIN: "bounces",
}
EVERYTHING = "*"
AT_ONCE = 1000


class MailgunLists(Listing):
    """Three lists of one domain."""

    name = "mailgun"
    title = "Mailgun"
    takes = ALL_CAUSES

    def lists(self, control: Control, since_ms: int, now_ms: int) -> Iterable[Ask]:
        """See `ServiceList.lists`."""
        root = _root(control)
        return [Ask(listed=name, url=f"{root}/{name}", query={"limit": str(AT_ONCE)}) for name in LISTS]

    def read(self, ask: Ask, answer: ControlAnswer) -> Page:
        """See `ServiceList.read`."""

        def entry_of(row: Mapping[str, Any]) -> Entry | None:
            since = from_http_date(text(row.get("created_at")).replace(" UTC", " GMT"))
            scope = "" if row.get("tag") == EVERYTHING else text(row.get("tag"))
            return entry(row.get("address"), LISTS[ask.listed], since, scope, ask.listed, row.get("code"))

        rows = rows_of(answer, "items")
        link = text(mapping(mapping(decode(answer.body)).get("paging")).get("next"))
        return page_of(
            [single for row in rows for single in _by_tag(row)], entry_of, *next_by_link(ask, link if rows else "")
        )

    def add(self, control: Control, entries: Sequence[Entry]) -> Iterable[Ask]:
        """See `ServiceList.add`."""
        root = _root(control)
        for name in LISTS:
            for batch in batches([item for item in entries if PLACES[item.cause] == name], AT_ONCE):
                yield Ask(listed=name, url=f"{root}/{name}", method="POST", entries=batch)

    def body(self, ask: Ask) -> Any:
        """See `Listing.body`."""
        more: dict[str, Any] = {"tags": [EVERYTHING]} if ask.listed == "unsubscribes" else {}
        return [{"address": item.address, "created_at": _date(item.since), **more} for item in ask.entries]

    def headers(self, control: Control) -> dict[str, str]:
        """See `Listing.headers`."""
        return {"authorization": basic(f"api:{secret(control, 'a Mailgun API key')}")}


def _root(control: Control) -> str:
    url = base_url(control, "https://")
    if not DOMAIN_URL.fullmatch(url):
        raise Misconfigured(
            "control.base_url of a 'mailgun' source names no sending domain, which Mailgun's lists belong to; set it"
            " to https://api.mailgun.net/v3/<domain> (in Europe https://api.eu.mailgun.net/v3/<domain>)"
        )
    return url


def _by_tag(row: Any) -> list[Any]:
    """The row once for each of its tags; several unsubscribes of one address are one row."""
    tags = texts(mapping(row).get("tags"))
    return [{**row, "tag": tag} for tag in tags] if tags and EVERYTHING not in tags else [row]


def _date(at_ms: int) -> str:
    return format_datetime(datetime.fromtimestamp(at_ms // 1000, UTC), usegmt=True)


MAILGUN = MailgunLists()
