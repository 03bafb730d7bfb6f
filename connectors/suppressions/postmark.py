"""Postmark: the suppressions of every message stream of a server, read whole and added to as manual ones.

Lists belong to a stream, so `GET /message-streams` comes first, and then `GET
/message-streams/<id>/suppressions/dump` for each that is neither inbound nor archived. A dump has no pages;
`fromdate` is a day, in a zone that is not documented, so one day more is asked for. `HardBounce` and `SpamComplaint`
are about the address and count for all mail; `ManualSuppression` is an opt-out when its origin is the recipient, else
a person's or a program's of the sender, and both count for that stream.

`POST /message-streams/<id>/suppressions` adds up to 50 addresses, as `ManualSuppression` with the origin `Customer`,
and answers for each; it is done for every stream, because what is put there counts for all mail. So these are read
back as `manual`. They become active within a minute.

Sources: Postmark developer documentation, "Suppressions API" (dump, create, reasons, origins), "Message Streams API"
(list, ten streams at most); the wikis of Postmark's client libraries ("a minute", `ManualSuppression`). Confirmed by
others' code only: 50 addresses a call. No rate is documented.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connectors.controls.base import base_url, secret
from connectors.controls.effects import ControlAnswer
from connectors.suppressions.base import (
    ALL_CAUSES,
    Ask,
    Entry,
    Listing,
    Page,
    Taken,
    batches,
    entry,
    page_of,
    rfc3339,
    rows_of,
)
from connectors.values import from_rfc3339, mapping, text
from schemas.config import Control
from schemas.identity import normalise_address
from schemas.suppressions import SuppressionCause

STANDARD_URL = "https://api.postmarkapp.com"
STREAMS = "message streams"
OF_THE_ADDRESS: Mapping[str, SuppressionCause] = {
    "HardBounce": SuppressionCause.DEAD_ADDRESS,
    "SpamComplaint": SuppressionCause.COMPLAINT,
}
BY_ORIGIN: Mapping[str, SuppressionCause] = {
    "Recipient": SuppressionCause.UNSUBSCRIBE,
    "Customer": SuppressionCause.MANUAL,
    "Admin": SuppressionCause.MANUAL,
}
AT_ONCE = 50
_DAY_MS = 86_400_000


class PostmarkLists(Listing):
    """The lists of one server's streams."""

    name = "postmark"
    title = "Postmark"
    takes = ALL_CAUSES

    def lists(self, control: Control, since_ms: int, now_ms: int) -> Iterable[Ask]:
        """See `ServiceList.lists`: which streams there are."""
        return [_streams(control, since_ms=since_ms)]

    def read(self, ask: Ask, answer: ControlAnswer) -> Page:
        """See `ServiceList.read`."""
        if ask.listed != STREAMS:
            return page_of(rows_of(answer, "Suppressions"), lambda row: _entry_of(row, ask.listed))
        query = {"fromdate": rfc3339(max(0, ask.since_ms - _DAY_MS))[:10]} if ask.since_ms else {}
        found = [(name, f"{_place(ask, name)}/dump") for name in _names(answer)]
        return Page(more=tuple(Ask(listed=name, url=url, query=query) for name, url in found))

    def add(self, control: Control, entries: Sequence[Entry]) -> Iterable[Ask]:
        """See `ServiceList.add`: which streams there are; `added` goes on."""
        return [_streams(control, entries=tuple(entries))]

    def added(self, ask: Ask, answer: ControlAnswer) -> Taken:
        """See `ServiceList.added`."""
        if ask.listed == STREAMS:
            more = (
                Ask(listed=name, url=_place(ask, name), method="POST", entries=batch)
                for name in _names(answer)
                for batch in batches(ask.entries, AT_ONCE)
            )
            return Taken(more=tuple(more))
        said = [mapping(row) for row in rows_of(answer, "Suppressions")]
        taken = {normalise_address(text(row.get("EmailAddress"))) for row in said if row.get("Status") == "Suppressed"}
        why = f"Postmark did not take it for the stream {ask.listed}"
        return Taken(refused=tuple((item, why) for item in ask.entries if item.address not in taken))

    def body(self, ask: Ask) -> Any:
        """See `Listing.body`."""
        return {"Suppressions": [{"EmailAddress": item.address} for item in ask.entries]}

    def headers(self, control: Control) -> dict[str, str]:
        """See `Listing.headers`."""
        return {"x-postmark-server-token": secret(control, "the API token of a Postmark server")}


def _streams(control: Control, *, since_ms: int = 0, entries: tuple[Entry, ...] = ()) -> Ask:
    url = f"{base_url(control, STANDARD_URL)}/message-streams"
    return Ask(listed=STREAMS, url=url, since_ms=since_ms, entries=entries)


def _names(answer: ControlAnswer) -> list[str]:
    """The streams that mail goes out through."""
    rows = [mapping(row) for row in rows_of(answer, "MessageStreams")]
    return [name for row in rows if row.get("MessageStreamType") != "Inbound" and (name := text(row.get("ID")))]


def _place(ask: Ask, stream: str) -> str:
    return f"{ask.url}/{quote(stream, safe='')}/suppressions"


def _entry_of(row: Mapping[str, Any], stream: str) -> Entry | None:
    address, since = row.get("EmailAddress"), from_rfc3339(row.get("CreatedAt"))
    word, origin = text(row.get("SuppressionReason")), text(row.get("Origin"))
    if word in OF_THE_ADDRESS:
        return entry(address, OF_THE_ADDRESS[word], since, "", word)
    return entry(address, BY_ORIGIN.get(origin, SuppressionCause.IMPORTED), since, stream, word, origin)


POSTMARK = PostmarkLists()
