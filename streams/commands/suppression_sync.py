"""`mailweir suppression pull, push`: our list and the lists that the senders' services keep themselves.

Pulling adds what a service's list says, as facts that are older or newer than ours like any other: nothing is removed,
and doing it again changes nothing. Pushing takes addresses from a file or from another service, because our list may
know no more than their keys; they are neither kept nor written anywhere but to the service.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from connectors.suppression import Entry, Page, ServiceList, service_of
from schemas.config import Source
from schemas.errors import Misconfigured
from schemas.identity import recipient_key
from schemas.settings import Settings
from schemas.suppressions import TENANT_SCOPE, Suppression, SuppressionCause, SuppressionStatus
from streams.commands.suppression import BAD_SHOWN, FAILED, OK, book_of, terms_of, write
from streams.core.suppression.book import Book
from streams.environment import config
from streams.suppression.exchange import Exchange, no_place
from streams.suppression.lists import BadLine, Terms, read_addresses

_AT_ONCE = 10_000  # addresses in memory before they are put on a list: the largest batch of any service


@dataclass(frozen=True, slots=True)
class Party:
    """A source whose service keeps a list."""

    source: Source
    service: ServiceList


def party_of(of: Settings, name: str) -> Party:
    """The source of that name. Raises Misconfigured when there is none, or its service's list is not known."""
    source = config(of).source(name)
    if source is None:
        raise Misconfigured(f"{of.config}: no source is called {name[:60]!r}; add it under `sources`")
    return Party(source, service_of(source))


async def run_pull(of: Settings, party: Party, exchange: Exchange, out: TextIO, *, since_ms: int, dry_run: bool) -> int:
    """Take in what the service's list says, page by page. Exit code 1 when an entry could not be read."""
    source, service = party.source, party.service
    terms = terms_of(of, source.tenant, now_ms=exchange.clock_ms(), who=service.name)
    book = book_of(of)
    added: Counter[str] = Counter()
    known: Counter[str] = Counter()
    unreadable: Counter[str] = Counter()
    async for listed, page in exchange.pages(service, source.control, since_ms):
        facts = facts_of(page, terms, source.name)
        news = [fact for fact in facts if book.take(fact)]
        if news and not dry_run:
            write(of, news)
        added.update(fact.cause for fact in news)
        known.update(fact.cause for fact in facts)
        unreadable[listed] += page.unreadable
    verb = "would be added" if dry_run else "added"
    said = [f"{cause}: {added[cause]} {verb}, {known[cause] - added[cause]} were known" for cause in sorted(known)]
    said += [f"{listed}: {count} could not be read (no address or no time)" for listed, count in (+unreadable).items()]
    out.writelines(f"{source.name}: {line}\n" for line in said)
    out.write(f"{source.name}: {added.total()} {verb} from {service.title}'s list of {known.total()}\n")
    return FAILED if unreadable.total() else OK


def facts_of(page: Page, terms: Terms, source: str) -> list[Suppression]:
    """The page's entries as facts of the tenant."""
    return [
        Suppression(
            tenant=terms.tenant,
            scope=entry.scope,
            recipient_key=recipient_key(terms.secret, terms.tenant, entry.address),
            cause=entry.cause,
            status=SuppressionStatus.ACTIVE,
            since=min(entry.since, terms.now_ms),  # a date to come would outlast every word that follows it
            source=source,
            reason=entry.reason,
            who=terms.who,
            recipient=entry.address,
        )
        for entry in page.entries
    ]


async def run_push_file(
    of: Settings, party: Party, exchange: Exchange, path: Path, out: TextIO, *, dry_run: bool
) -> int:
    """Put those of the file's addresses that our list suppresses for all mail on the service's list.

    Exit code 1 when a line could not be read or an address was not taken.
    """
    push = _Push(party, exchange, out, dry_run=dry_run)
    terms = terms_of(of, party.source.tenant, now_ms=exchange.clock_ms())
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(read_addresses(file, terms))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: cannot be read as UTF-8 text ({error}); nothing was put anywhere") from error
    bad = [row for row in rows if isinstance(row, BadLine)]
    good = {address: line for line, address in (row for row in rows if not isinstance(row, BadLine))}
    await push.put(entries_of(book_of(of), terms, good.items()))
    out.writelines(f"{path}, line {row.number}: {row.why}\n" for row in bad[:BAD_SHOWN])
    push.report(str(path), f"{len(good) - push.count} of {len(good)} addresses are not on our list for all mail")
    return FAILED if bad or push.refused else OK


def entries_of(book: Book, terms: Terms, addresses: Iterable[tuple[str, int]]) -> Iterator[Entry]:
    """What our list says of these, for all mail and for good; the most serious cause, no matter how many there are."""
    for address, line in addresses:
        key = recipient_key(terms.secret, terms.tenant, address)
        facts = book.in_force(terms.tenant, key, "", terms.now_ms)
        told = [fact for fact in facts if fact.scope == TENANT_SCOPE and not fact.until]
        if told and told[0].cause in list(SuppressionCause):
            yield Entry(address=address, cause=SuppressionCause(told[0].cause), since=told[0].since, line=line)


async def run_push_from(party: Party, other: Party, exchange: Exchange, out: TextIO, *, dry_run: bool) -> int:
    """Put what another service's list says for all mail on this one's, page by page. Exit code 1 as `run_push_file`."""
    if other.source.tenant != party.source.tenant:
        raise Misconfigured(
            f"{other.source.name!r} belongs to the tenant {other.source.tenant!r} and {party.source.name!r} to"
            f" {party.source.tenant!r}; lists are not handed from one to the other"
        )
    push = _Push(party, exchange, out, dry_run=dry_run)
    unreadable = of_streams = 0
    async for _, page in exchange.pages(other.service, other.source.control, 0):
        entries = [entry for entry in page.entries if entry.scope == TENANT_SCOPE]
        unreadable, of_streams = unreadable + page.unreadable, of_streams + len(page.entries) - len(entries)
        await push.put(entries)
    push.report(other.source.name, f"{of_streams} are about one stream, {unreadable} could not be read")
    return FAILED if unreadable or push.refused else OK


class _Push:
    """Puts entries on one service's list, and counts. `count`: entries it was given."""

    def __init__(self, party: Party, exchange: Exchange, out: TextIO, *, dry_run: bool) -> None:
        if not party.service.takes:
            raise Misconfigured(f"{party.service.title}'s API has no call that puts an address on its list")
        self.count = 0
        self.refused: Counter[str] = Counter()
        self._party, self._exchange, self._out, self._dry_run = party, exchange, out, dry_run
        self._lines: list[tuple[int, str]] = []

    async def put(self, entries: Iterable[Entry]) -> None:
        """Put these on the list, and remember which were not taken."""
        given = list(entries)
        self.count += len(given)
        for start in range(0, len(given), _AT_ONCE):
            some = given[start : start + _AT_ONCE]
            if self._dry_run:
                found = no_place(self._party.service, some)
            else:
                found = await self._exchange.put(self._party.service, self._party.source.control, some)
            why = {entry.address: (entry.line, reason) for entry, reason in found}  # refused by two streams: once
            self.refused.update(reason for _, reason in why.values())
            self._lines += why.values()

    def report(self, origin: str, beside: str) -> None:
        """Say what came of it."""
        lines = sorted(item for item in self._lines if item[0])
        self._out.writelines(f"{origin}, line {line}: {why}\n" for line, why in lines[:BAD_SHOWN])
        self._out.writelines(f"{origin}: {count} not taken: {why}\n" for why, count in sorted(self.refused.items()))
        verb = "would be put" if self._dry_run else "are now"
        taken = self.count - self.refused.total()
        self._out.write(f"{origin}: {taken} {verb} on {self._party.service.title}'s list; {beside}\n")
