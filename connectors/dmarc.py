"""DMARC aggregate reports: XML (RFC 9990 with its namespace, RFC 7489 without) to one row per source IP and result.

Read with expat as it comes, one `<record>` at a time, element names without their namespace, so both forms and what
is between them are one. A document type declaration is refused where it begins: no entity is ever declared, so none
can be expanded or fetched. Depth and rows are bounded, the size is the caller's (`connectors/unpack.py`). A report
that breaks off keeps the rows before the break.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import ParseError, XMLParser

from connectors.base import Context
from connectors.values import bare_ip, from_any_time, json_object, whole
from schemas.identity import digest
from schemas.reports import AuthReport, ReportKind

_DEEPEST = 16  # the format needs six
_MOST_ROWS = 20_000
_MOST_ELEMENTS = 800_000  # forty a row
_LONGEST = 1_000  # characters of one value
_POLICY = ("sp", "np", "adkim", "aspf", "pct", "fo", "testing", "discovery_method")
Node = dict[str, list[Any]]


class NoReportError(ValueError):
    """XML, but of something else."""


class _Feedback:
    """What expat tells of the document: a small tree of the heads, and each record as a tree of its own."""

    def __init__(self) -> None:
        self.head: Node = {}
        self.records: list[Node] = []
        self.is_report = False
        self._names: list[str] = []
        self._nodes: list[Node] = []
        self._text: list[str] = []
        self._elements = 0

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        """A document type declaration: entities would follow."""
        raise ValueError("the report declares a document type, which no report needs; it is not read")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        name = tag.rpartition("}")[2].lower()
        if not self._names and name != "feedback":
            raise NoReportError("the XML is no DMARC report")
        self._elements += 1
        if len(self._names) >= _DEEPEST or self._elements > _MOST_ELEMENTS:
            raise ValueError("the report is nested deeper, or has more elements, than any report needs")
        self.is_report = True
        self._names.append(name)
        self._nodes.append({})
        self._text = []

    def data(self, text: str) -> None:
        """A part of an element's text."""
        if len(self._text) < _LONGEST:
            self._text.append(text)

    def end(self, tag: str) -> None:
        """An element is complete."""
        name, node = self._names.pop(), self._nodes.pop()
        value: Any = node or "".join(self._text).strip()[:_LONGEST]
        self._text = []
        if not self._nodes:
            return
        if name == "record" and len(self._names) == 1:
            if len(self.records) == _MOST_ROWS:
                raise ValueError(f"the report has more than {_MOST_ROWS} records; the first ones were taken")
            self.records.append(node)
            return
        self._nodes[-1].setdefault(name, []).append(value)
        if len(self._nodes) == 1:
            self.head = self._nodes[0]

    def close(self) -> None:
        """The document is complete."""


def rows(xml: bytes, context: Context, provider: str) -> tuple[list[AuthReport], str]:
    """The report's rows, and what was wrong with it ("" for nothing).

    Raises NoReportError for what is no DMARC report at all.
    """
    found, wrong = _read(xml)
    if wrong and not found.records and not _is_utf8(xml):
        found, wrong = _read(xml.decode("utf-8", "replace").encode())
    if not found.is_report:
        raise NoReportError(wrong or "the XML is no DMARC report")
    return [_row(found.head, record, index, context, provider) for index, record in enumerate(found.records)], wrong


def _read(xml: bytes) -> tuple[_Feedback, str]:
    target = _Feedback()
    parser = XMLParser(target=target)  # noqa: S314 - see the import
    try:
        parser.feed(xml.lstrip())
        parser.close()
    except NoReportError:
        raise
    except ParseError as error:
        return target, f"the report is no valid XML: {error}"
    except (ValueError, LookupError) as error:
        return target, str(error)
    return target, ""


def _is_utf8(xml: bytes) -> bool:
    try:
        xml.decode()
    except UnicodeDecodeError:
        return False
    return True


def _row(head: Node, record: Node, index: int, context: Context, provider: str) -> AuthReport:
    metadata, published = _node(head, "report_metadata"), _node(head, "policy_published")
    span, row = _node(metadata, "date_range"), _node(record, "row")
    evaluated, identifiers = _node(row, "policy_evaluated"), _node(record, "identifiers")
    reason = _node(evaluated, "reason")
    found = AuthReport(
        event_id="",
        tenant=context.tenant,
        source=context.source,
        provider=provider,
        received_at=context.received_at,
        kind=ReportKind.DMARC.value,
        reporter=_text(metadata, "org_name"),
        reporter_contact=_text(metadata, "email"),
        report_id=_text(metadata, "report_id"),
        begins_at=from_any_time(_text(span, "begin")),
        ends_at=from_any_time(_text(span, "end")),
        domain=_text(published, "domain").lower().rstrip("."),
        policy=_text(published, "p").lower(),
        policy_details=json_object({name: value for name in _POLICY if (value := _text(published, name))}),
        count=whole(_text(row, "count")),
        disposition=_text(evaluated, "disposition").lower(),
        reason=_text(reason, "type").lower(),
        detail=_text(reason, "comment"),
        sending_ip=bare_ip(_text(row, "source_ip")),
        header_from=_text(identifiers, "header_from").lower(),
        envelope_from=_text(identifiers, "envelope_from").lower(),
        envelope_to=_text(identifiers, "envelope_to").lower(),
        dkim=_text(evaluated, "dkim").lower(),
        spf=_text(evaluated, "spf").lower(),
        auth_results=_results(_node(record, "auth_results")),
        raw_index=index,
    )
    found.outcome = "pass" if "pass" in {found.dkim, found.spf} else "fail"
    found.event_id = row_id(found, index)
    return found


def row_id(row: AuthReport, index: int) -> str:
    """Of what is reported and by whom, so that a report that comes twice is one."""
    return digest(
        row.tenant, "auth_report", row.kind, row.reporter, row.report_id, row.domain, row.begins_at, row.ends_at, index
    )


def _results(checks: Node) -> str:
    """`{"dkim": [{"domain": .., "selector": .., "result": ..}], "spf": [..]}` as JSON text."""
    return json_object(
        {
            name: [{key: _text(check, key) for key in check} for check in checks[name] if type(check) is dict]
            for name in ("dkim", "spf")
            if name in checks
        }
    )


def _node(node: Node, name: str) -> Node:
    """The first element of the name, if it has any inside."""
    return next((value for value in node.get(name, []) if type(value) is dict), {})


def _text(node: Node, name: str) -> str:
    """The text of the first element of the name."""
    return next((value for value in node.get(name, []) if type(value) is str), "")
