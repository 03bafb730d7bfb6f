"""SMTP TLS reports (RFC 8460): JSON, packed or not, by mail or by HTTPS POST, to rows that add up.

Each policy of a report becomes one row of the sessions that succeeded, one for each kind of failure, and one for
failures that the report counts but does not detail. The reports are about mail that others send to us.
Over HTTPS nothing is signed and the address stands in the DNS for everybody to read (section 3), so a source of this
provider is either unsigned or has a token in the URL, which keeps out no more than chance visitors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import refuse_body, refuse_item
from connectors.dmarc import row_id
from connectors.parts import Query
from connectors.signatures import Token
from connectors.unpack import TooLargeError, unpacked
from connectors.values import (
    bare_ip,
    decode,
    first_text,
    from_any_time,
    json_object,
    mapping,
    sequence,
    text,
    texts,
    whole,
)
from schemas.errors import FailureCode
from schemas.reports import AuthReport, ReportKind

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = Token(Query("token"))
_MOST_ROWS = 20_000


class TlsReports:
    """The connector for reports by HTTPS POST."""

    name = "tlsrpt"
    # Section 5.5: a sender tries again, for up to 24 hours, whatever the failure was.
    statuses = StatusPolicy(source="https://www.rfc-editor.org/rfc/rfc8460#section-5.5")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """The token in the URL, if the source has secrets."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The report's rows."""
        try:
            report = decode(unpacked(request.body))
        except TooLargeError as error:
            return refuse_body(FailureCode.BODY_TOO_LARGE, str(error), request.body)
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"the body is no JSON: {error}", request.body)
        if not is_report(report):
            return refuse_body(FailureCode.WRONG_SHAPE, "expected a TLS report with `policies`", request.body)
        return rows(report, context, TlsReports.name)


def is_report(value: Any) -> bool:
    """Whether decoded JSON looks like a TLS report."""
    return type(value) is dict and "policies" in value


def rows(report: dict[str, Any], context: Context, provider: str) -> ParseResult:
    """The rows of a decoded report; a policy that cannot be read is a failure beside the others."""
    result = ParseResult()
    for index, item in enumerate(sequence(report.get("policies"))):
        if type(item) is not dict:
            refuse_item(result, index, item, f"expected a policy, found {type(item).__name__}")
            continue
        if len(result.events) >= _MOST_ROWS:
            refuse_item(result, index, item, f"the report has more than {_MOST_ROWS} rows; the first ones were taken")
            break
        for row in _of_policy(report, item, context, provider):
            row.raw_index = len(result.events)
            row.event_id = row_id(row, row.raw_index)
            result.events.append(row)
    return result


def _of_policy(report: dict[str, Any], item: dict[str, Any], context: Context, provider: str) -> list[AuthReport]:
    summary = mapping(item.get("summary"))
    succeeded = whole(summary.get("total-successful-session-count"))
    failed = whole(summary.get("total-failure-session-count"))
    details = [detail for detail in sequence(item.get("failure-details"))[:_MOST_ROWS] if type(detail) is dict]
    made = [_row(report, item, context, provider, succeeded, {})] if succeeded or not (failed or details) else []
    made[:1] = [_passed(row) for row in made[:1]]
    for detail in details:
        count = whole(detail.get("failed-session-count"))
        made.append(_row(report, item, context, provider, count, detail))
        failed -= count
    if failed > 0:
        made.append(_row(report, item, context, provider, failed, {}))
    return made


def _passed(row: AuthReport) -> AuthReport:
    row.outcome = "pass"
    return row


def _row(
    report: dict[str, Any], item: dict[str, Any], context: Context, provider: str, count: int, detail: dict[str, Any]
) -> AuthReport:
    span, policy = mapping(report.get("date-range")), mapping(item.get("policy"))
    written = {name: found for name in ("policy-string", "mx-host") if (found := texts(policy.get(name)))}
    return AuthReport(
        event_id="",
        tenant=context.tenant,
        source=context.source,
        provider=provider,
        received_at=context.received_at,
        kind=ReportKind.TLS.value,
        reporter=text(report.get("organization-name")),
        reporter_contact=text(report.get("contact-info")),
        report_id=text(report.get("report-id")),
        begins_at=from_any_time(span.get("start-datetime")),
        ends_at=from_any_time(span.get("end-datetime")),
        domain=text(policy.get("policy-domain")).lower().rstrip("."),
        policy=text(policy.get("policy-type")).lower(),
        policy_details=json_object(written),
        count=count,
        outcome="fail",
        reason=text(detail.get("result-type")).lower(),
        detail=first_text(detail.get("failure-reason-code"), detail.get("additional-information")),
        sending_ip=bare_ip(detail.get("sending-mta-ip")),
        remote_host=first_text(detail.get("receiving-mx-hostname"), detail.get("receiving-mx-helo"))
        .lower()
        .rstrip("."),
        remote_ip=bare_ip(detail.get("receiving-ip")),
    )
