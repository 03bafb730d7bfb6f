"""What a service's own suppression list is: pure functions that ask for its pages, read them, and put addresses on it.

Nothing here does I/O, reads the clock or retries: a `ServiceList` makes questions (`Ask`) and reads answers, and
`streams.suppression.exchange` owns everything that takes time. What an API cannot add is not in `takes`, and is never
put on its list as something else that would be untrue. Addresses are not printed with any of these values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from connectors.controls.base import ControlResult, by_status
from connectors.controls.effects import ControlAnswer, ControlRequest
from connectors.values import decode, mapping, text
from schemas.config import Control
from schemas.identity import normalise_address
from schemas.suppressions import TENANT_SCOPE, SuppressionCause

REASON_LIMIT = 120
ALL_CAUSES = frozenset(SuppressionCause) - {SuppressionCause.SOFT}  # which ends by itself; no service's list does


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One address on a list. `since`: ms since the epoch; `scope`: as in `Suppression`; `line`: of a file, 0 for none.

    `reason`: the list and its own word or code; never a reply, which may hold addresses.
    """

    address: str = field(repr=False)
    cause: SuppressionCause
    since: int
    scope: str = TENANT_SCOPE
    reason: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question to the API about one of its lists, without credentials. `entries`: what it puts on the list.

    `since_ms`: from when entries are wanted, 0 for all.
    """

    listed: str
    url: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)  # a page's mark may be an address
    method: str = "GET"
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    since_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one answer lists. `unreadable`: rows without an address or a time; `more`: what to ask next."""

    entries: tuple[Entry, ...] = ()
    unreadable: int = 0
    more: tuple[Ask, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of entries that the API was given. `refused`: those it did not take, and why."""

    refused: tuple[tuple[Entry, str], ...] = ()
    more: tuple[Ask, ...] = ()


class ServiceList(Protocol):
    """The lists of one service. Implementations are stateless objects listed in `connectors.suppression.SERVICES`."""

    @property
    def name(self) -> str:
        """As in `control.driver` or `provider` of the configuration."""

    @property
    def title(self) -> str:
        """As people write it."""

    @property
    def takes(self) -> frozenset[SuppressionCause]:
        """The causes for which addresses can be put on a list; none where the API has no call for it."""

    @property
    def gap_s(self) -> float:
        """Seconds to leave between two requests, where the service documents a rate."""

    def lists(self, control: Control, since_ms: int, now_ms: int) -> Iterable[Ask]:
        """The first question about each list. Raises Misconfigured when the control lacks what the API needs."""

    def read(self, ask: Ask, answer: ControlAnswer) -> Page:
        """What a good answer lists. Raises ValueError for one that is not what the API documents."""

    def add(self, control: Control, entries: Sequence[Entry]) -> Iterable[Ask]:
        """What puts these on the list; every cause is in `takes`. A repeat changes nothing. Raises Misconfigured."""

    def added(self, ask: Ask, answer: ControlAnswer) -> Taken:
        """What a good answer to `add` says. Raises ValueError as `read` does."""

    def request(self, ask: Ask, control: Control, now_ms: int) -> ControlRequest:
        """The question with credentials, as it is sent at `now_ms`. Raises Misconfigured."""

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """What the answer means for the caller. Never raises."""


class Listing:
    """What most services have in common: JSON, credentials in headers, statuses that mean what HTTP says."""

    title = ""
    takes: frozenset[SuppressionCause] = frozenset()
    gap_s = 0.0

    def headers(self, control: Control) -> dict[str, str]:
        """The credentials: none here, where `request` signs instead. Raises Misconfigured."""
        return {}

    def body(self, ask: Ask) -> Any:
        """The document that puts `ask.entries` on the list: none, where `takes` is empty."""
        return None

    def add(self, control: Control, entries: Sequence[Entry]) -> Iterable[Ask]:
        """See `ServiceList.add`: nothing, where `takes` is empty."""
        return ()

    def added(self, ask: Ask, answer: ControlAnswer) -> Taken:
        """See `ServiceList.added`: a good status is all that is said."""
        return Taken()

    def request(self, ask: Ask, control: Control, now_ms: int) -> ControlRequest:
        """See `ServiceList.request`."""
        url, body, more = sent(ask, self)
        headers = {"accept": "application/json", **more, **self.headers(control)}
        return ControlRequest(method=ask.method, url=url, headers=headers, body=body)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """See `ServiceList.interpret`."""
        return by_status(answer, self.title)


def sent(ask: Ask, listing: Listing) -> tuple[str, bytes, dict[str, str]]:
    """Address, body and the headers that describe it."""
    url = f"{ask.url}?{urlencode(ask.query, quote_via=quote)}" if ask.query else ask.url
    if ask.method == "GET":
        return url, b"", {}
    return url, encode(listing.body(ask)), {"content-type": "application/json"}


def encode(document: Any) -> bytes:
    """JSON in UTF-8; an address keeps the form it had."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def entry(address: Any, cause: SuppressionCause, since: int, scope: str = "", *reason: Any) -> Entry | None:
    """An entry of what a service says; None where it names no address or no time.

    Without a time it would be news at every reading, and outlast the word of a person who took it back.
    """
    plain = normalise_address(text(address))
    if "@" not in plain[1:-1] or not plain.isprintable() or since <= 0:
        return None
    words = " ".join(word for word in map(text, reason) if word)
    return Entry(address=plain, cause=cause, since=since, scope=scope or TENANT_SCOPE, reason=words[:REASON_LIMIT])


def page_of(rows: Sequence[Any], entry_of: Callable[[dict[str, Any]], Entry | None], *more: Ask) -> Page:
    """The rows as a page. `entry_of` gets an object, an empty one for a row that is none."""
    found = [entry_of(mapping(row)) for row in rows]
    entries = tuple(item for item in found if item is not None)
    return Page(entries=entries, unreadable=len(found) - len(entries), more=more)


def rows_of(answer: ControlAnswer, *names: str) -> list[Any]:
    """The array under the first of the names that is there, or the answer itself without names.

    Raises ValueError: what is no list must not be taken for an empty one.
    """
    document = decode(answer.body)
    if names:
        name = next((name for name in names if name in mapping(document)), None)
        if name is None:
            raise ValueError(f"it has no `{names[0]}`")
        document = document[name]
    if not isinstance(document, list):
        raise ValueError("a list was expected")  # noqa: TRY004 - the other side's error, not the caller's
    return document


def next_by_count(ask: Ask, rows: Sequence[Any]) -> tuple[Ask, ...]:
    """The page behind this one, until one is empty: a short page may be a limit of the service's own."""
    offset = int(ask.query["offset"]) + len(rows)
    return (replace(ask, query={**ask.query, "offset": str(offset)}),) if rows else ()


def next_by_link(ask: Ask, link: str) -> tuple[Ask, ...]:
    """The page that a link names: its query on our address, so that no answer sends credentials elsewhere."""
    return (replace(ask, query=dict(parse_qsl(urlsplit(link).query))),) if link else ()


def batches(entries: Sequence[Entry], size: int) -> Iterable[tuple[Entry, ...]]:
    """The entries, so many at a time."""
    return (tuple(entries[start : start + size]) for start in range(0, len(entries), size))


def rfc3339(at_ms: int) -> str:
    """A moment in UTC, to the second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
