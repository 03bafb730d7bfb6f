"""Suppression lists as files: any CSV with a header line, or JSON objects one a line, to facts and back.

Columns are known by the names that ESPs give them in their exports, and others can be named. A line that cannot be
read is reported by its number and never by what it holds; the lines around it count.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any, TextIO

from schemas.identity import normalise_address, recipient_key
from schemas.suppressions import TENANT_SCOPE, Suppression, SuppressionCause, SuppressionStatus

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "address": ("address", "email", "email_address", "emailaddress", "recipient", "e-mail"),
    "recipient_key": ("recipient_key",),
    "cause": ("cause", "type", "suppressionreason"),
    "stream": ("stream", "scope"),
    "since": ("since", "created", "created_at", "createdat", "date", "timestamp", "time"),
    "until": ("until", "expires", "expires_at"),
    "reason": ("reason", "description", "comment"),
}
"""Our fields, and how a column may be called, in lower case."""

# Words of other lists, in lower case without "-", "_" and blanks. What is not here is `imported`, the word kept.
CAUSES: Mapping[str, SuppressionCause] = {
    **{cause.replace("_", ""): cause for cause in SuppressionCause if cause is not SuppressionCause.SOFT},
    **dict.fromkeys(("spamcomplaint", "spam", "spamreport", "abuse"), SuppressionCause.COMPLAINT),
    **dict.fromkeys(("unsubscribed", "optout", "groupunsubscribe"), SuppressionCause.UNSUBSCRIBE),
    **dict.fromkeys(("hardbounce", "bounce", "bounced", "bouncerule", "invalid"), SuppressionCause.DEAD_ADDRESS),
    **dict.fromkeys(("manualsuppression", "manuallyadded"), SuppressionCause.MANUAL),
}
_SECONDS_LIMIT = 100_000_000_000  # as ms in 1973, as s in 5138: what is smaller is seconds
_REASON_LIMIT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for a whole file. `columns`: our field to the file's column; `who` imports it, at `now_ms`.

    `cause`, `stream`: for lines that do not say. `secret`: the tenant's, for recipients' keys.
    """

    tenant: str
    secret: str
    now_ms: int
    who: str = ""
    source: str = ""
    cause: SuppressionCause = SuppressionCause.IMPORTED
    stream: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that says nobody, and why; without what it holds."""

    number: int
    why: str


def read_list(file: TextIO, terms: Terms) -> Iterator[Suppression | BadLine]:
    """The file's lines as facts, or as what is wrong with them."""
    for number, row in _rows(file):
        if isinstance(row, str):
            yield BadLine(number, row)
            continue
        try:
            yield _fact(_lower(row), terms)
        except ValueError as error:
            yield BadLine(number, str(error))


def read_addresses(file: TextIO, terms: Terms) -> Iterator[tuple[int, str] | BadLine]:
    """The line and the normalised address of each row: any file that `read_list` reads, or one address a line."""
    first = file.readline().lstrip("\ufeff")
    is_plain = "@" in first and not first.lstrip().startswith("{")  # no header: its columns have no such names
    for number, row in _rows(chain(["address\n"] if is_plain else [], [first], file)):
        line = number - is_plain
        if isinstance(row, str):
            yield BadLine(line, row)
            continue
        address = normalise_address(_cell(_lower(row), "address", terms))
        yield (line, address) if "@" in address[1:-1] else BadLine(line, "no address")


def write_list(facts: Iterable[Suppression], file: TextIO, *, as_csv: bool) -> int:
    """Facts as JSON lines or CSV, with the columns `read_list` knows; how many."""
    count, table = 0, None
    for count, fact in enumerate(facts, 1):  # noqa: B007 - the last one is how many
        line = row_of(fact)
        if not as_csv:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            continue
        if table is None:
            table = csv.DictWriter(file, list(line))
            table.writeheader()
        table.writerow(line)
    return count


def row_of(fact: Suppression) -> dict[str, Any]:
    """A fact by the names of the columns, times in RFC 3339."""
    line = asdict(fact)
    line["address"] = line.pop("recipient")
    return {**line, "since": moment(fact.since), "until": moment(fact.until) if fact.until else ""}


def moment(at_ms: int) -> str:
    """RFC 3339, UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _rows(file: Iterable[str]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Line numbers from 1, and what stands there: an object, or why it is none."""
    lines = iter(file)
    first = next(lines, "").lstrip("\ufeff")
    if first.lstrip().startswith("{"):
        for number, line in enumerate(chain([first], lines), 1):
            if line.strip():
                yield number, _object(line)
        return
    table = csv.DictReader(chain([first], lines), restval="")
    try:
        for row in table:
            yield table.line_num, row
    except csv.Error as error:
        yield table.line_num, f"not CSV ({error}); nothing behind it was read"


def _lower(row: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).strip().lower(): value for name, value in row.items()}


def _object(line: str) -> dict[str, Any] | str:
    try:
        found = json.loads(line)
    except ValueError:
        return "not JSON"
    return found if isinstance(found, dict) else "not a JSON object"


def _fact(row: Mapping[str, Any], terms: Terms) -> Suppression:
    """Raises ValueError, without anything of the row in it."""
    said = {name: _cell(row, name, terms) for name in COLUMNS}
    address = normalise_address(said["address"])
    key = recipient_key(terms.secret, terms.tenant, address) if address else said["recipient_key"]
    if address and "@" not in address[1:-1]:
        raise ValueError("what stands in the address's column is no address")
    if not key:
        raise ValueError("no address: expected a column `address`, `email` or `recipient_key`; --map names another")
    cause, reason = _cause(said["cause"], terms)
    since = _time(said["since"], "since") or terms.now_ms
    status = str(row.get("status", "")) or SuppressionStatus.ACTIVE
    if status not in list(SuppressionStatus):
        raise ValueError("the status is neither active nor removed")
    return Suppression(
        tenant=terms.tenant,
        scope=said["stream"] or terms.stream or TENANT_SCOPE,
        recipient_key=key,
        cause=cause,
        status=status,
        since=max(0, min(since, terms.now_ms)),  # a date to come would outlast every word that follows it
        until=_time(said["until"], "until"),
        source=terms.source,
        reason=(said["reason"] or reason)[:_REASON_LIMIT],
        who=str(row.get("who", "")) or terms.who,
        recipient=address,
    )


def _cell(row: Mapping[str, Any], name: str, terms: Terms) -> str:
    names = (terms.columns[name].lower(),) if name in terms.columns else COLUMNS[name]
    found = next((row[column] for column in names if row.get(column) not in (None, "")), "")
    return str(found).strip()


def _cause(word: str, terms: Terms) -> tuple[SuppressionCause, str]:
    """The cause, and the list's own word where it is none of ours."""
    if not word:
        return terms.cause, ""
    plain = word.lower().translate(str.maketrans("", "", "-_ "))
    return CAUSES.get(plain, terms.cause), "" if plain in CAUSES else word


def _time(text: str, name: str) -> int:
    """Milliseconds; 0 for nothing."""
    if not text:
        return 0
    try:
        number = float(text)
        return int(number * 1000 if abs(number) < _SECONDS_LIMIT else number)
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{name}` is no time; RFC 3339 or seconds since 1970 are understood") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
