"""`mailweir suppression import, export, add, remove, check`: the list from the command line.

Each reads the whole list from its topic and writes what is new there, so the service need not run; where it does, it
has read the new facts a moment later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TextIO

from confluent_kafka import KafkaException

from schemas.config import Config
from schemas.errors import Misconfigured, Transient
from schemas.identity import recipient_key
from schemas.settings import Settings
from schemas.suppressions import Suppression, SuppressionCause, SuppressionStatus
from schemas.topics import SUPPRESSIONS
from streams.core.suppression.book import Book
from streams.core.suppression.joined import is_in_force
from streams.environment import codec, config
from streams.kafka import LogProducer
from streams.suppression.lists import BadLine, Terms, read_list, row_of, write_list
from streams.suppression.log import read_book, records_of
from streams.topics import partitions_of, text_of

OK, FAILED = 0, 1
_AT_ONCE = 1_000  # facts that are acknowledged together
BAD_SHOWN = 50


def run_import(of: Settings, path: Path, terms: Terms, *, dry_run: bool, out: TextIO) -> int:
    """Take a file in. Exit code 1 when a line could not be read; all others were taken in."""
    bad: list[BadLine] = []
    facts: list[Suppression] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for item in read_list(file, terms):
                (bad if isinstance(item, BadLine) else facts).append(item)  # type: ignore[arg-type]  # by its type
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: cannot be read as UTF-8 text ({error}); nothing was taken in") from error
    added = _add(of, facts, dry_run=dry_run)
    verb = "would be added" if dry_run else "added"
    out.writelines(f"{path}, line {line.number}: {line.why}\n" for line in bad[:BAD_SHOWN])
    out.write(f"{path}: {added} {verb}, {len(facts) - added} were known, {len(bad)} lines could not be read\n")
    return FAILED if bad else OK


def run_export(of: Settings, tenant: str, out: TextIO, *, now_ms: int, as_csv: bool, everything: bool) -> int:
    """Write the tenant's suppressions in force, or every fact."""
    book = book_of(of)
    facts = (f for f in book if f.tenant == tenant and (everything or is_in_force(f, now_ms)))
    write_list(sorted(facts, key=lambda f: (f.recipient_key, f.scope, f.cause)), out, as_csv=as_csv)
    return OK


def run_add(of: Settings, terms: Terms, recipients: Sequence[str], why: str, out: TextIO) -> int:
    """Suppress these."""
    facts = [fact_by_hand(terms, recipient, SuppressionStatus.ACTIVE, why) for recipient in recipients]
    out.write(f"{_add(of, facts, dry_run=False)} suppressed\n")
    return OK


def run_remove(of: Settings, terms: Terms, recipients: Sequence[str], why: str, out: TextIO) -> int:
    """End one cause of these recipients in one scope; the others stay. Exit code 1 when one had none in force."""
    book, ends = book_of(of), []
    for recipient in recipients:
        end = fact_by_hand(terms, recipient, SuppressionStatus.REMOVED, why)
        same = [f for f in book.facts(end.tenant, end.recipient_key) if (f.scope, f.cause) == (end.scope, end.cause)]
        if same and is_in_force(same[0], terms.now_ms):
            end.since = max(end.since, same[0].since + 1)  # of a fact with the same time the suppression would win
            ends.append(end)
    out.write(f"{write(of, ends)} removed, {len(recipients) - len(ends)} had no such suppression in force\n")
    return OK if len(ends) == len(recipients) else FAILED


def run_check(of: Settings, terms: Terms, recipients: Sequence[str], out: TextIO) -> int:
    """What forbids mail to these recipients, as JSON lines. Exit code 1 when one of them is suppressed."""
    book, found = book_of(of), 0
    for recipient in recipients:
        facts = book.in_force(terms.tenant, key_of(terms, recipient), terms.stream, terms.now_ms)
        found += bool(facts)
        out.write(
            json.dumps({"recipient": recipient, "suppressed": bool(facts), "facts": [*map(row_of, facts)]}) + "\n"
        )
    return FAILED if found else OK


def terms_of(of: Settings, tenant: str, *, now_ms: int, who: str = "", cause: str = "", stream: str = "") -> Terms:
    """What a command is about. Raises Misconfigured for a tenant or a cause that does not exist."""
    configured: Config = config(of)
    if tenant not in {item.name for item in configured.tenants}:
        raise Misconfigured(f"{of.config}: no tenant is called {tenant[:60]!r}; add it under `tenants`")
    try:
        known = SuppressionCause(cause or SuppressionCause.IMPORTED)
    except ValueError:
        raise Misconfigured(f"no cause is called {cause[:60]!r}; there is {', '.join(SuppressionCause)}") from None
    secret = configured.tenant(tenant).recipient_secret.get_secret_value()
    return Terms(tenant=tenant, secret=secret, now_ms=now_ms, who=who, cause=known, stream=stream)


def mapping_of(pairs: Iterable[str]) -> dict[str, str]:
    """`["address=E-Mail"]` as our field to the file's column. Raises Misconfigured."""
    from streams.suppression.lists import COLUMNS  # noqa: PLC0415 - beside its only use

    found = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not equals or name not in COLUMNS or not column:
            raise Misconfigured(f"--map {pair[:60]}: expected FIELD=COLUMN, a field being one of {', '.join(COLUMNS)}")
        found[name] = column
    return found


def fact_by_hand(terms: Terms, recipient: str, status: SuppressionStatus, why: str) -> Suppression:
    """A person's word about a recipient, by address or key."""
    return Suppression(
        tenant=terms.tenant,
        scope=terms.stream or "tenant",
        recipient_key=key_of(terms, recipient),
        cause=terms.cause,
        status=status,
        since=terms.now_ms,
        reason=why,
        who=terms.who,
        recipient=recipient.strip().lower() if "@" in recipient else "",
    )


def key_of(terms: Terms, recipient: str) -> str:
    """The key of an address; what has no "@" is a key already."""
    return recipient_key(terms.secret, terms.tenant, recipient) if "@" in recipient else recipient.strip().lower()


def book_of(of: Settings) -> Book:
    """The list as it is now. Raises Transient, Misconfigured."""
    partitions_of(of.kafka, SUPPRESSIONS)
    try:
        return read_book(of.kafka, codec(of), of.suppression_entries)
    except KafkaException as error:
        raise Transient(f"the suppression list cannot be read from {of.kafka} ({text_of(error)})") from None


def _add(of: Settings, facts: Sequence[Suppression], *, dry_run: bool) -> int:
    """Write those that are news; how many."""
    book = book_of(of)
    news = [fact for fact in facts if book.take(fact)]
    return len(news) if dry_run else write(of, news)


def write(of: Settings, facts: Sequence[Suppression]) -> int:
    """Write these to the topic; how many. Raises Transient."""
    encode = codec(of)
    with closing(LogProducer(of.kafka)) as log:
        for start in range(0, len(facts), _AT_ONCE):
            log.produce_all(records_of(facts[start : start + _AT_ONCE], encode))
    return len(facts)
