"""Google Postmaster Tools API v2: what Gmail says of a domain, per day, and whether it meets the rules for senders.

`mailweir poll` asks and keeps each answer raw; here the answers of two methods are read: `domains.domainStats.query` (a
list of figures by day, each under the name that the request gave it) and `domains.getComplianceStatus` (verdicts
without a date, so they are of the day they were asked for, which the poller writes into the record's address). Version
2 has no reputation classes any more. Days of little mail are left out by Google.
https://developers.google.com/workspace/gmail/postmaster/reference/rest/v2/QueryDomainStatsResponse and
.../v2/domains/getComplianceStatus
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import refuse_body, refuse_item
from connectors.signatures import SharedSecret
from connectors.standing import DAY_MS, add_row, counted, day_begins, day_written, row, shared, worded
from connectors.values import decode, mapping, sequence, text, texts, whole
from schemas.errors import FailureCode
from schemas.reports import StandingReport

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
# Verdicts beside the table of requirements -> our metric, and the key under which the verdict stands.
VERDICTS: dict[str, tuple[str, str]] = {
    "oneClickUnsubscribeVerdict": ("verdict_one_click_unsubscribe", "status"),
    "honorUnsubscribeVerdict": ("verdict_honor_unsubscribe", "status"),
    "deliverabilityStatusVerdict": ("verdict_deliverability", "state"),
}
_DOMAIN = re.compile(r"domains/([^/]{1,253})/")


class Postmaster:
    """The connector."""

    name = "postmaster"
    # Google posts nothing. Whoever asks by other means and posts the answers may send them again after any failure.
    statuses = StatusPolicy(source="https://developers.google.com/workspace/gmail/postmaster")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Bearer token or Basic credentials, for answers that somebody else fetched and posts."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The rows of one answer."""
        try:
            answer = decode(request.body)
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"the body is no JSON: {error}", request.body)
        if type(answer) is dict and ("complianceData" in answer or "subdomainComplianceData" in answer):
            return _compliance(answer, request, context)
        if type(answer) is dict and (not answer or {"domainStats", "nextPageToken"} & answer.keys()):
            return _statistics(answer, context)
        return refuse_body(FailureCode.WRONG_SHAPE, "expected `domainStats` or `complianceData`", request.body)


def _statistics(answer: dict[str, Any], context: Context) -> ParseResult:
    result = ParseResult()
    for index, item in enumerate(sequence(answer.get("domainStats"))):
        made = _figure(mapping(item), context)
        if made is None:
            refuse_item(result, index, item, "expected a figure with name, metric, date and value")
        else:
            add_row(result, made)
    return result


def _figure(item: dict[str, Any], context: Context) -> StandingReport | None:
    day, metric, domain = mapping(item.get("date")), text(item.get("metric")), _domain(item.get("name"))
    begins_at = day_begins(whole(day.get("year")), whole(day.get("month")), whole(day.get("day")))
    if not (metric and domain and begins_at):
        return None
    made = row(context, Postmaster.name, metric, begins_at)
    made.domain = domain
    return _valued(made, mapping(item.get("value")))


def _valued(made: StandingReport, value: dict[str, Any]) -> StandingReport | None:
    """Proto3's JSON: 64-bit integers are texts."""
    for key in ("doubleValue", "floatValue"):
        number = value.get(key)
        if type(number) is int or type(number) is float:
            return shared(made, float(number))
    if "intValue" in value:
        return counted(made, whole(value["intValue"]))
    words = texts(mapping(value.get("stringList")).get("values")) or texts(value.get("stringValue"))
    return worded(made, " ".join(words)) if words else None


def _compliance(answer: dict[str, Any], request: Request, context: Context) -> ParseResult:
    """Of the registrable domain, and of the subdomain where that has verdicts of its own."""
    result = ParseResult()
    asked = parse_qs(urlsplit(request.url).query).get("day", [""])[0]
    begins_at = day_written(asked) or context.received_at // DAY_MS * DAY_MS
    for key in ("complianceData", "subdomainComplianceData"):
        data = mapping(answer.get(key))
        domain = text(data.get("domainId")).lower() or _domain(answer.get("name"))
        for metric, state, reason in _verdicts(data):
            made = row(context, Postmaster.name, metric, begins_at)
            made.domain = domain
            add_row(result, worded(made, state, reason))
    return result


def _verdicts(data: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(metric, verdict, reason) of each requirement, then of each verdict beside them."""
    found = []
    for item in sequence(data.get("rowData")):
        requirement = text(mapping(item).get("requirement"))
        state = text(mapping(mapping(item).get("status")).get("status"))
        if requirement and state:
            found.append((f"requirement_{requirement.lower()}", state, ""))
    for key, (metric, inside) in VERDICTS.items():
        verdict = mapping(data.get(key))
        if state := text(mapping(verdict.get(inside)).get("status")):
            found.append((metric, state, text(verdict.get("reason"))))
    return found


def _domain(name: Any) -> str:
    found = _DOMAIN.match(text(name))
    return found[1].lower() if found else ""
