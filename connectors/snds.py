"""Microsoft SNDS (Smart Network Data Services): what Outlook.com says of each sending IP, per day.

`mailweir poll` asks and keeps each answer raw: CSV without a header line, 14 columns by position, the same from the
REST interface and from the older access keys. The last columns may be missing. Times have no zone and Microsoft's
pages name none: they are taken for UTC. An empty field is no row, not a zero.
https://sendersupport.olc.protection.outlook.com/snds/ ("Automated Data Access") names the columns; their order is as in
answers of 2020 and 2026 that clients of SNDS keep in their tests.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import refuse_body, refuse_item
from connectors.signatures import SharedSecret
from connectors.standing import add_row, counted, row, shared, worded
from connectors.values import bare_ip, json_object, whole
from schemas.errors import FailureCode
from schemas.reports import StandingReport

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
COLUMNS = (
    "ip", "begins", "ends", "rcpt_commands", "data_commands", "message_recipients", "filter_result", "complaint_rate",
    "first_trap", "last_trap", "trap_hits", "sample_helo", "sample_mail_from", "comments",
)  # fmt: skip
COUNTS = ("rcpt_commands", "data_commands", "message_recipients", "trap_hits")
TRAPS = ("first_trap", "last_trap")
SAMPLES = ("sample_helo", "sample_mail_from", "comments")
_FEWEST = 7  # columns up to the filter's result
_MOST_ROWS = 100_000
_IP = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]{2,39}")
_NUMBER = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?")
_FORMATS = ("%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y")


class Snds:
    """The connector."""

    name = "snds"
    # Microsoft posts nothing. Whoever asks by other means and posts the answers may send them again after any failure.
    statuses = StatusPolicy(source="https://sendersupport.olc.protection.outlook.com/snds/")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Bearer token or Basic credentials, for answers that somebody else fetched and posts."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The rows of one answer; one line that cannot be read does not cost the others."""
        try:
            body = request.body.decode("utf-8-sig")
        except UnicodeDecodeError:
            return refuse_body(FailureCode.BAD_ENCODING, "the body is not UTF-8", request.body)
        if body.lstrip()[:1] in {"<", "{"}:  # a page for people, or an error
            return refuse_body(FailureCode.WRONG_SHAPE, "expected CSV, found a page or JSON", request.body)
        result = ParseResult()
        for index, line in enumerate(line for line in body.splitlines() if line.strip()):
            if index >= _MOST_ROWS:
                refuse_item(result, index, line[:1000], f"more than {_MOST_ROWS} lines; the first ones were taken")
                break
            values = _values(line)
            if index == 0 and values.get("ip", "").lower() == "ip address":
                continue
            begins_at = _time(values.get("begins", ""))
            if not (_IP.fullmatch(values.get("ip", "")) and begins_at and len(values) >= _FEWEST):
                refuse_item(result, index, line, "expected an IP, two times, three counts and a filter result")
                continue
            for made in _rows(values, begins_at, context):
                add_row(result, made)
        return result


def _rows(values: dict[str, str], begins_at: int, context: Context) -> Iterator[StandingReport]:
    def blank(metric: str) -> StandingReport:
        made = row(context, Snds.name, metric, begins_at)
        made.sending_ip = bare_ip(values["ip"])
        made.ends_at = _time(values["ends"]) or made.ends_at
        return made

    for name in COUNTS:
        if values.get(name, "").isdecimal():
            made = counted(blank(name), whole(values[name]))
            if name == "trap_hits":
                made.detail = _said(values, TRAPS)
            yield made
    if values["filter_result"]:
        yield worded(blank("filter_result"), values["filter_result"].upper(), _said(values, SAMPLES))
    written = values.get("complaint_rate", "")
    if numbers := _NUMBER.findall(written):
        made = shared(blank("complaint_rate"), round(max(map(float, numbers)) / 100, 8))
        made.text = written
        yield made


def _said(values: dict[str, str], names: tuple[str, ...]) -> str:
    return json_object({name: values[name] for name in names if values.get(name)})


def _values(line: str) -> dict[str, str]:
    """By column; what the line does not have is missing, further columns are part of the comments' end and dropped."""
    try:
        fields = next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration):
        return {}
    return dict(zip(COLUMNS, map(str.strip, fields), strict=False))


def _time(written: str) -> int:
    """`12/31/2025 7:00 PM` as milliseconds, 0 if it is no such time."""
    for form in _FORMATS:
        try:
            moment = datetime.strptime(written[:40], form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return max(0, int(moment.timestamp()) * 1000)
    return 0
