"""`mailweir segments members`: who is, or was, in a segment, out of the stored transitions.

Rows are written page by page, in the order of the keys, so that a million of them is never in memory here; Parquet is
made by the store and passed through. What is read is the table and not its views: of a recipient's transitions the
newest counts, however often each is stored.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.errors import MailweirError, Misconfigured
from schemas.nearest import hint
from schemas.segments.files import load_segments
from schemas.settings import Settings
from sinks.clickhouse import translate
from streams.environment import config

PAGE = 100_000  # transitions at once: some 30 MB
COLUMNS = ("recipient_key", "entered_at", "rule_version")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOREVER_MS = 4_102_444_800_000  # 2100
_WHAT = "reading the members"
_FOUND = """
SELECT 1 FROM mailweir.segment_transitions WHERE tenant = {tenant:String} AND segment_id = {segment:String} LIMIT 1
"""
_IDS = "SELECT DISTINCT segment_id FROM mailweir.segment_transitions WHERE tenant = {tenant:String}"
_MEMBERS = """
SELECT recipient_key, last.2 AS entered_at, last.3 AS rule_version
FROM
(
    SELECT recipient_key, argMax((is_member, effective_at, rule_version), (detected_at, number)) AS last
    FROM mailweir.segment_transitions
    WHERE tenant = {tenant:String} AND segment_id = {segment:String} AND recipient_key > {after:String}
        AND ({upto:String} = '' OR recipient_key <= {upto:String})
        AND effective_at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')
        AND detected_at <= fromUnixTimestamp64Milli({known:Int64}, 'UTC')
    GROUP BY recipient_key
)
WHERE last.1 = 1
"""
_PAGE = f"""
SELECT recipient_key, toUnixTimestamp64Milli(entered_at), rule_version
FROM ({_MEMBERS})
ORDER BY recipient_key
"""  # noqa: S608 - words of ours
_LAST_OF_PAGE = """
SELECT recipient_key
FROM mailweir.segment_transitions
WHERE tenant = {tenant:String} AND segment_id = {segment:String} AND recipient_key > {after:String}
ORDER BY recipient_key
LIMIT 1 OFFSET {most:UInt64}
"""


class Format(StrEnum):
    """How members are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """A segment's members at an instant, as known at another (ms; None: now)."""

    tenant: str
    segment_id: str
    at: int | None = None
    known: int | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Values of the placeholders, from the first member on."""
        at, known = (_FOREVER_MS if given is None else given for given in (self.at, self.known))
        return {"tenant": self.tenant, "segment": self.segment_id, "at": at, "known": known, "after": "", "upto": ""}


def audience(tenant: str, segment_id: str, now: int, at: int | None, known: int | None) -> Audience:
    """The members at `at`, as known at `known`; one alone is both. Raises Misconfigured."""
    if at is not None and at > now:
        raise Misconfigured("--at lies ahead; who will be in a segment then is not known")
    if at is not None and known is not None and known < at:
        raise Misconfigured("--as-known-at is earlier than --at; what time would do is not stored, so make it later")
    return Audience(tenant=tenant, segment_id=segment_id, at=known if at is None else at, known=known)


def format_of(given: str, file: Path | None) -> Format:
    """The format that is given, else the one that the file ends in, else CSV. Raises Misconfigured."""
    if given not in {"", *Format}:
        raise Misconfigured(f"--format: {given[:20]!r} is none of {', '.join(Format)}")
    ending = "" if file is None else file.suffix.lower().removeprefix(".")
    form = Format(given or (ending if ending in set(Format) else Format.CSV))
    if form is Format.PARQUET and file is None:
        raise Misconfigured("Parquet is not written to stdout; name a file with --out")
    return form


def run_count(store: Client, asked: Audience, configured: Callable[[], Collection[str]], out: TextIO) -> int:
    """Print how many they are. Raises Misconfigured, Transient, MailweirError."""
    check(store, asked, configured)
    rows = _rows(store, f"SELECT count() FROM ({_MEMBERS})", asked.parameters)  # noqa: S608 - words of ours
    out.write(f"{rows[0][0]}\n")
    return 0


def run_members(
    store: Client,
    asked: Audience,
    configured: Callable[[], Collection[str]],
    out: TextIO,
    file: Path | None = None,
    form: Format = Format.CSV,
    page: int = PAGE,
) -> int:
    """Write the members to the file, or to `out`; Parquet goes to a file only.

    `configured`: ids of the segments that there are, asked where nothing is stored. A file has its name once it is
    complete. Raises Misconfigured, Transient, MailweirError.
    """
    check(store, asked, configured)
    if file is None:
        _write(form, _members(store, asked, page), out)
        return 0
    with _completing(file) as part:
        if form is Format.PARQUET:
            _write_parquet(store, asked, part)
        else:
            with part.open("w", encoding="utf-8", newline="") as text:
                _write(form, _members(store, asked, page), text)
    return 0


def configured_ids(of: Settings, tenant: str) -> list[str]:
    """Ids of the tenant's segments in the configured folder; none where none is configured or can be read."""
    try:
        folder = config(of).segments
        segments = load_segments([of.config.parent / folder]) if folder else []
    except Misconfigured:
        return []
    return [segment.id for segment in segments if segment.tenant == tenant]


def keys_of(store: Client, asked: Audience) -> set[str]:
    """The members' keys, all at once. Raises Transient, MailweirError."""
    found = _rows(store, f"SELECT recipient_key FROM ({_MEMBERS})", asked.parameters)  # noqa: S608 - words of ours
    return {key for (key,) in found}


def check(store: Client, asked: Audience, configured: Callable[[], Collection[str]]) -> None:
    """Nothing if somebody has entered the segment ever, or if it is configured. Raises Misconfigured, MailweirError."""
    if _rows(store, _FOUND, asked.parameters):
        return
    stored = {id_ for (id_,) in _rows(store, _IDS, asked.parameters)}
    if not stored:
        raise MailweirError(
            f"nobody has entered a segment of the tenant {asked.tenant} yet; name the folder with segments in"
            " mailweir.yaml, and run `mailweir segments` and `mailweir sink`"
        )
    known = stored | set(configured())
    if asked.segment_id not in known:
        near = hint(asked.segment_id, known, "there are")
        raise Misconfigured(f"no segment of the tenant {asked.tenant} has the id {asked.segment_id}; {near}")


def _members(store: Client, asked: Audience, page: int) -> Iterator[Sequence[Any]]:
    """Recipient key, time of entry (ms) and rule version, by key."""
    given = asked.parameters | {"most": page}
    while True:
        last = _rows(store, _LAST_OF_PAGE, given)
        given["upto"] = last[0][0] if last else ""
        yield from _rows(store, _PAGE, given)
        if not last:
            return
        given["after"] = given["upto"]


def _write(form: Format, members: Iterator[Sequence[Any]], out: TextIO) -> None:
    rows = ((key, _rfc3339(entered_at), version) for key, entered_at, version in members)
    if form is Format.JSONL:
        out.writelines(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows)
        return
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)


def _write_parquet(store: Client, asked: Audience, file: Path) -> None:
    try:
        answer = store.raw_stream(f"{_MEMBERS} ORDER BY recipient_key", asked.parameters, fmt="Parquet")
        with answer as parts, file.open("wb") as found:
            found.writelines(parts)
    except ClickHouseError as error:
        raise translate(error, _WHAT) from error


@contextmanager
def _completing(file: Path) -> Iterator[Path]:
    """Where to write to, which gets the file's name at the end. Raises Misconfigured where that cannot be."""
    part = file.with_name(f"{file.name}.part")
    try:
        yield part
        part.replace(file)
    except OSError as error:
        raise Misconfigured(f"--out {file}: cannot be written ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)


def _rows(store: Client, sql: str, given: dict[str, Any]) -> Sequence[Sequence[Any]]:
    try:
        return store.query(sql, parameters=given).result_rows
    except ClickHouseError as error:
        raise translate(error, _WHAT) from error


def _rfc3339(at_ms: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
