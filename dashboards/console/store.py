"""Asks the store from the event loop: each worker thread has a client of its own, every failure is a sentence.

clickhouse-connect's client blocks and serialises its calls, so queries run in a small pool of threads and each
thread opens its own client, lazily and again after a failure; that is all it takes to recover when the store
comes back. `Table` is plain data, ready for JSON: times are milliseconds since the epoch. What single people ask
goes through `ForPeople`, which leaves a thread to the live panels. Every question is asked in a scope
(`dashboards/console/scope.py`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.console.scope import Scope, current
from dashboards.queries import NamedQuery
from schemas.errors import MailweirError, Misconfigured, Transient

_WORKERS = 3  # live panels are one query every second or two; three keeps a slow one from holding up the rest
_TIMEOUT_S = 10.0  # an answer later than this is of no use to somebody who looks at the page
_RETRY_S = 2.0
_MOST_PEOPLE = 2  # of three threads, so live panels always find one
_PATIENCE_S = 1.0  # a page asks two or three things at once
_SENTENCES = {  # ClickHouse's error codes
    60: "The store has no mailweir tables yet. Run `mailweir tables apply`; the page goes on by itself.",
    81: "The store has no mailweir tables yet. Run `mailweir tables apply`; the page goes on by itself.",
    159: "The store needs longer for {what} than the console waits; ask by the command line.",
    241: "The store needs more memory for {what} than it may use; ask for less.",
}
T = TypeVar("T")


class QueryResult(Protocol):
    """What the console reads of clickhouse-connect's result."""

    @property
    def column_names(self) -> Sequence[str]:
        """Names in SELECT order."""

    @property
    def result_rows(self) -> Sequence[Sequence[Any]]:
        """Rows in the order the store sent them."""


class StoreClient(Protocol):
    """The part of `clickhouse_connect.driver.Client` in use. Blocks; not shared between threads."""

    def query(self, query: str, parameters: dict[str, Any], settings: dict[str, Any] | None = None) -> QueryResult:
        """Run one statement, parameters bound by the server. Raises ClickHouseError or OSError."""

    def query_rows_stream(
        self, query: str, parameters: dict[str, Any], settings: dict[str, Any] | None = None
    ) -> AbstractContextManager[Iterable[Sequence[Any]]]:
        """The same for answers that are read row by row."""

    def close(self) -> None:
        """Give the connection back."""


@dataclass(frozen=True, slots=True)
class Scoped:
    """A client whose every statement sees the scope's tenants only."""

    client: StoreClient
    scope: Scope

    def query(self, query: str, parameters: dict[str, Any], settings: dict[str, Any] | None = None) -> QueryResult:
        """As the client's, with the filter."""
        return self.client.query(query, parameters=parameters, settings={**(settings or {}), **self.scope.settings})

    def query_rows_stream(
        self, query: str, parameters: dict[str, Any], settings: dict[str, Any] | None = None
    ) -> AbstractContextManager[Iterable[Sequence[Any]]]:
        """As the client's, with the filter."""
        seen = {**(settings or {}), **self.scope.settings}
        return self.client.query_rows_stream(query, parameters=parameters, settings=seen)

    def close(self) -> None:
        """The client's."""
        self.client.close()


@dataclass(frozen=True, slots=True)
class Table:
    """An answer: column names and rows of JSON-ready values."""

    columns: tuple[str, ...]
    rows: list[list[Any]]

    def records(self) -> list[dict[str, Any]]:
        """The rows as mappings from column name to value."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Store:
    """Runs named queries. `client_factory` is called in a worker thread and may block or raise."""

    def __init__(self, client_factory: Callable[[], StoreClient], *, timeout_s: float = _TIMEOUT_S) -> None:
        self._client_factory = client_factory
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="console-store")
        self._local = threading.local()
        self._open: dict[int, StoreClient] = {}

    async def run(self, named: NamedQuery, parameters: Mapping[str, int | str]) -> Table:
        """The query's answer. Raises Transient with a sentence when there is none."""
        given = dict(parameters)
        return await self.ask(f"the query {named.name}", lambda client: table_of(client.query(named.sql, given)))

    async def ask(self, what: str, work: Callable[[StoreClient], T]) -> T:
        """What `work` makes of a client that sees the current scope, in a thread; `what` is how a sentence calls it.

        Raises Transient with a sentence where the store has no answer, and whatever `work` raises of its own.
        """
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._work, what, work, current())
        try:
            return await asyncio.wait_for(future, self._timeout_s)
        except TimeoutError:
            raise Transient(f"The store took longer than {self._timeout_s:.0f} s for {what}.", _RETRY_S) from None

    def close(self) -> None:
        """Close every client; queries under way end as Transient. Blocks until the threads are done."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._open.values():
            client.close()
        self._open.clear()

    def _work(self, what: str, work: Callable[[StoreClient], T], scope: Scope) -> T:
        try:
            client = self._client()
        except (ClickHouseError, OSError, MailweirError) as error:
            raise Transient(_sentence(what, error), _RETRY_S) from error
        try:
            return work(client if scope.is_all else Scoped(client, scope))
        except (ClickHouseError, OSError) as error:
            self._forget()
            raise Transient(_sentence(what, error), _RETRY_S) from error

    def _client(self) -> StoreClient:
        client: StoreClient | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._client_factory()
            self._open[threading.get_ident()] = client
        return client

    def _forget(self) -> None:
        """Drop this thread's client: the next query opens a new one."""
        self._local.client = None
        client = self._open.pop(threading.get_ident(), None)
        if client is not None:
            client.close()


class ForPeople:
    """The store for what single people ask: a few questions at a time."""

    def __init__(self, store: Store, *, patience_s: float = _PATIENCE_S) -> None:
        self._store = store
        self._patience_s = patience_s
        self._free = asyncio.Semaphore(_MOST_PEOPLE)

    async def run(self, named: NamedQuery, parameters: Mapping[str, int | str]) -> Table:
        """As `Store.run`; Transient, too, where others ask for long."""
        async with self._turn():
            return await self._store.run(named, parameters)

    async def ask(self, what: str, work: Callable[[StoreClient], T]) -> T:
        """As `Store.ask`; Transient, too, where others ask for long."""
        async with self._turn():
            return await self._store.ask(what, work)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            await asyncio.wait_for(self._free.acquire(), self._patience_s)
        except TimeoutError:
            raise Transient("The console answers other queries just now; try again in a second.", 1) from None
        try:
            yield
        finally:
            self._free.release()


def table_of(result: QueryResult) -> Table:
    """The client's result as plain data."""
    return Table(tuple(result.column_names), [[_plain(value) for value in row] for row in result.result_rows])


def _plain(value: Any) -> Any:
    """One cell as JSON knows it: times as epoch milliseconds, tuples as lists."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _sentence(what: str, error: Exception) -> str:
    if isinstance(error, Misconfigured):
        return f"{error}."
    code = getattr(error, "code", None)
    if code in _SENTENCES:
        return _SENTENCES[code].format(what=what)
    if code:
        return f"The store refused {what} (ClickHouse error {code}). Run `mailweir doctor`."
    return "The store does not answer. Figures below are the last ones known; the page goes on by itself."
