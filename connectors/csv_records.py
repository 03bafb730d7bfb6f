"""Records of CSV text (RFC 4180) whose header lines name the columns, read so that one bad line costs only itself.

A header line is one whose first field is the name of the first column; it may come again further on, where
files were put one behind the other. A quoted value may hold line breaks, but a quote that is never closed
swallows nothing: the line it stands in is unreadable, the next one is read afresh.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_MOST_LINES = 50  # of one record: an SMTP reply has a handful of lines


class CsvRecord(NamedTuple):
    """One record: its number from 0, its text, and its values by column in lower case.

    `wrong`: why it could not be read ("" if it could); then there are no values.
    """

    number: int
    text: str
    values: Mapping[str, str]
    wrong: str = ""


def csv_records(text: str, first_column: str) -> Iterator[CsvRecord]:
    """The records in order; header lines and blank lines are none.

    Raises ValueError before the first record when the text does not begin with a header line.
    """
    columns: list[str] = []
    lines = text.removeprefix("\ufeff").split("\n")
    if "\r" in text:
        lines = [line.rstrip("\r") for line in lines]
    at = index = 0
    while at < len(lines):
        record = lines[at]
        at += 1
        if not record or record.isspace():
            continue
        fields, wrong = _fields(record)
        if fields and fields[0].strip().lower() == first_column:
            columns = [name.strip().lower() for name in fields]
            continue
        if not columns:
            raise ValueError(f"no header line: the first line must name the columns, beginning with {first_column!r}")
        if record.count('"') % 2 and (longer := _continued(lines, at - 1, len(columns))):
            record, fields, wrong, at = "\n".join(lines[at - 1 : longer.end]), longer.fields, "", longer.end
        if wrong or len(fields) != len(columns):
            yield CsvRecord(index, record, {}, wrong or f"{len(fields)} values for {len(columns)} columns")
        else:
            yield CsvRecord(index, record, dict(zip(columns, fields, strict=True)))
        index += 1


class _Continued(NamedTuple):
    fields: list[str]
    end: int


def _continued(lines: list[str], start: int, size: int) -> _Continued | None:
    """The record of `size` values that begins at `start` and goes on over the next lines, if it is one."""
    quotes = 0
    for end in range(start + 1, min(start + _MOST_LINES, len(lines)) + 1):
        quotes += lines[end - 1].count('"')
        if quotes % 2 == 0:
            fields, wrong = _fields("\n".join(lines[start:end]))
            return _Continued(fields, end) if not wrong and len(fields) == size else None
    return None


def _fields(line: str) -> tuple[list[str], str]:
    """The values of one record, or why there are none."""
    if '"' not in line:
        return line.split(","), ""
    try:
        return next(csv.reader([line], strict=True)), ""
    except (csv.Error, StopIteration) as error:
        return [], f"not valid CSV: {error}"
