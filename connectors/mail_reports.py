"""Reports about domains that come by mail: the attached DMARC or TLS report, and a mail that failed DMARC.

Attachments are recognised by what they are, not by what they are called: XML with the root `feedback`, or JSON with
`policies`, packed or not. An attachment of another kind is no report, and a broken one is a failure only where the
mail says that it is one (RFC 8460 section 5.3, RFC 7489 section 7.2.1.1: media types, names, subjects).
"""

from __future__ import annotations

import re
from email.message import Message

from connectors import dmarc, mime, tls_report
from connectors.arf import Feedback
from connectors.base import Context, Failure, ParseResult
from connectors.unpack import LARGEST_REPORT, TooLargeError, unpacked
from connectors.values import decode, host_domain, json_object
from schemas.errors import FailureCode
from schemas.identity import digest
from schemas.reports import AuthReport, ReportKind

_MOST_FILES = 20  # of one mail; receivers attach one
_KINDS = re.compile(
    r"^(?:application/(?:x-)?(?:gzip|zip|zip-compressed|gunzip)|application/gzip-compressed|application/octet-stream"
    r"|application/(?:xml|json|tlsrpt\+(?:gzip|json))|text/xml)$"
)
_TLS_KINDS = ("application/tlsrpt+gzip", "application/tlsrpt+json")
_SUBJECT = re.compile(r"\breport[- ]domain\s*:", re.IGNORECASE)


def report_files(message: Message, context: Context, provider: str) -> ParseResult | None:
    """The rows of every report that is attached; None when the mail is no such report."""
    result = ParseResult()
    is_announced = bool(_SUBJECT.search(mime.header(message, "Subject")))
    has_any = False
    files = [part for part in mime.parts(message) if _KINDS.match(mime.kind_of(part))]
    left = LARGEST_REPORT  # of the whole mail, so that many files cost no more than one
    for index, part in enumerate(files[:_MOST_FILES]):
        data = mime.content(part)
        is_announced = is_announced or mime.kind_of(part) in _TLS_KINDS
        try:
            content = unpacked(data, left)
            left -= len(content)
            found = _read(content, context, provider)
        except TooLargeError as error:
            left = 0
            _fail(result, FailureCode.BODY_TOO_LARGE, error, data, index)
            continue
        except ValueError as error:
            if is_announced:
                _fail(result, FailureCode.WRONG_SHAPE, error, data, index)
            continue
        has_any = True
        result.events += found.events
        result.failures += found.failures
    for position, row in enumerate(result.events):
        row.raw_index = position
    return result if has_any or (is_announced and result.failures) else None


def _read(data: bytes, context: Context, provider: str) -> ParseResult:
    """One report. Raises ValueError for what is none."""
    if data.lstrip()[:1] == b"{":
        report = decode(data)
        if not tls_report.is_report(report):
            raise ValueError("the attached JSON is no TLS report")
        return tls_report.rows(report, context, provider)
    rows, wrong = dmarc.rows(data, context, provider)
    result = ParseResult(events=[*rows])
    if wrong:
        result.failures.append(Failure(code=FailureCode.WRONG_SHAPE, reason=wrong, item=data))
    return result


def _fail(result: ParseResult, code: FailureCode, error: ValueError, data: bytes, index: int) -> None:
    result.failures.append(Failure(code=code, reason=str(error), item=data, index=index))


def failure_row(found: Feedback, about: Message | None, mail: Message, context: Context, provider: str) -> AuthReport:
    """One mail that failed DMARC (RFC 6591: Auth-Failure and what was checked), as a row of `found.incidents`."""
    fields = found.fields
    checks = {
        name: value
        for name in ("Auth-Failure", "DKIM-Domain", "DKIM-Selector", "SPF-DNS", "Identity-Alignment")
        if (value := mime.header(fields, name))
    }
    sender = next(iter(mime.addresses(about, "From")), "") if about is not None else ""
    alignment = mime.header(fields, "Identity-Alignment").lower()
    row = AuthReport(
        event_id="",
        tenant=context.tenant,
        source=context.source,
        provider=provider,
        received_at=context.received_at,
        kind=ReportKind.DMARC_FAILURE.value,
        reporter=mime.header(fields, "Reporting-MTA").partition(";")[2].strip() or mime.header(fields, "User-Agent"),
        reporter_contact=next(iter(mime.addresses(mail, "From")), ""),
        report_id=mime.header(mail, "Message-ID").strip("<>"),
        begins_at=found.arrived_at or mime.when(mime.header(mail, "Date")),
        ends_at=found.arrived_at or mime.when(mime.header(mail, "Date")),
        domain=found.reported_domain or host_domain(sender),
        count=found.incidents,
        outcome="fail",
        disposition=mime.header(fields, "Delivery-Result").lower(),
        reason=mime.header(fields, "Auth-Failure").lower(),
        detail=mime.header(fields, "Authentication-Results"),
        sending_ip=found.source_ip,
        header_from=host_domain(sender),
        envelope_from=host_domain(next(iter(mime.addresses(fields, "Original-Mail-From")), "")),
        dkim="pass" if "dkim" in alignment else "fail",
        spf="pass" if "spf" in alignment else "fail",
        auth_results=json_object(checks),
    )
    row.event_id = digest(dmarc.row_id(row, 0), row.sending_ip, row.header_from)
    return row
