"""Amazon SES: the account's suppression list of one region, read and added to with its own two reasons.

`GET /v2/email/suppression/addresses` lists `SuppressedDestinationSummaries` (`EmailAddress`, `Reason` BOUNCE or
COMPLAINT, `LastUpdateTime`) page by page with `PageSize`, `NextToken` and `StartDate`. `PUT` on the same path adds
one address, with one of the two reasons: complaints and dead addresses; there is no reason that an opt-out would be,
so none is put there. What stands there counts for mail only where the account (or the configuration set) suppresses
for that reason; SES forgets nothing while the account can send. Suppression lists of SES's tenants are not read.

Not documented: the largest `PageSize` (clients use 1,000, taken for the largest). General knowledge, not re-checked:
one request a second for calls like these, hence `gap_s`; for more than some thousand addresses an import job of SES's
own, from S3, is quicker (100,000 at a time), which is not used here.

Sources: Amazon SES API v2 reference, ListSuppressedDestinations, PutSuppressedDestination (400, 429),
CreateImportJob; developer guide, "Using the Amazon SES account-level suppression list". Dates in a query are ISO 8601
in the protocol of this API (Smithy, "timestampFormat trait"), times in answers seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.controls.aws_signature import signed_headers
from connectors.controls.base import ControlResult, Verdict
from connectors.controls.effects import ControlAnswer, ControlRequest
from connectors.controls.ses import SES as CONTROL
from connectors.controls.ses import credentials_of, endpoint_of
from connectors.suppressions.base import Ask, Entry, Listing, Page, entry, page_of, rfc3339, rows_of, sent
from connectors.values import decode, from_any_time, mapping, text
from schemas.config import Control
from schemas.suppressions import SuppressionCause

CAUSES: Mapping[str, SuppressionCause] = {
    "BOUNCE": SuppressionCause.DEAD_ADDRESS,
    "COMPLAINT": SuppressionCause.COMPLAINT,
}
REASONS: Mapping[SuppressionCause, str] = {
    SuppressionCause.COMPLAINT: "COMPLAINT",
    SuppressionCause.DEAD_ADDRESS: "BOUNCE",
    SuppressionCause.DEAD_DOMAIN: "BOUNCE",
}
AT_ONCE = 1000


class SesList(Listing):
    """The account-level list of the region in `control.base_url`."""

    name = "ses"
    title = "Amazon SES"
    takes = frozenset(REASONS)
    gap_s = 1.0

    def lists(self, control: Control, since_ms: int, now_ms: int) -> Iterable[Ask]:
        """See `ServiceList.lists`."""
        query = {"PageSize": str(AT_ONCE)} | ({"StartDate": rfc3339(since_ms)} if since_ms else {})
        return [Ask(listed="account", url=_url(control), query=query)]

    def read(self, ask: Ask, answer: ControlAnswer) -> Page:
        """See `ServiceList.read`."""
        rows = rows_of(answer, "SuppressedDestinationSummaries")
        token = text(mapping(decode(answer.body)).get("NextToken"))
        more = [replace(ask, query={**ask.query, "NextToken": token})] if token else []
        return page_of(rows, _entry_of, *more)

    def add(self, control: Control, entries: Sequence[Entry]) -> Iterable[Ask]:
        """See `ServiceList.add`: one request for each address."""
        return [Ask(listed="account", url=_url(control), method="PUT", entries=(item,)) for item in entries]

    def body(self, ask: Ask) -> Any:
        """See `Listing.body`."""
        return {"EmailAddress": ask.entries[0].address, "Reason": REASONS[ask.entries[0].cause]}

    def request(self, ask: Ask, control: Control, now_ms: int) -> ControlRequest:
        """See `ServiceList.request`: signed anew at each try, because signatures age."""
        url, body, headers = sent(ask, self)
        signed = signed_headers(
            credentials_of(control),
            method=ask.method,
            url=url,
            headers={"accept": "application/json", **headers},
            body=body,
            region=endpoint_of(control)[1],
            service="ses",
            now_ms=now_ms,
        )
        return ControlRequest(method=ask.method, url=url, headers=signed, body=body)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """As for SES's other calls, but that nothing here has a name that could be unknown."""
        if answer.status == 404:
            return ControlResult(verdict=Verdict.REFUSED, detail="SES refused with 404; is `control.base_url` right?")
        return CONTROL.interpret(answer)


def _url(control: Control) -> str:
    return f"{endpoint_of(control)[0]}/v2/email/suppression/addresses"


def _entry_of(row: Mapping[str, Any]) -> Entry | None:
    word = text(row.get("Reason"))
    cause = CAUSES.get(word, SuppressionCause.IMPORTED)
    return entry(row.get("EmailAddress"), cause, from_any_time(row.get("LastUpdateTime")), "", word)


SES = SesList()
