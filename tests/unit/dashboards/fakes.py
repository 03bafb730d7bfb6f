"""A store client without a store: answers by query, counts, and can be away."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.exceptions import OperationalError

from dashboards.queries import PRIVATE, QUERIES

Answer = tuple[Sequence[str], Sequence[Sequence[Any]]]


@dataclass(frozen=True)
class FakeResult:
    column_names: Sequence[str]
    result_rows: Sequence[Sequence[Any]]


class FakeStore:
    """Stands for the server: makes clients, holds answers by query name, remembers what was asked."""

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.is_away = False
        self.clients = 0
        self.open_clients = 0
        self.held = threading.Event()
        self.held.set()

    def client(self) -> FakeClient:
        if self.is_away:
            raise OperationalError("connection refused")
        self.clients += 1
        self.open_clients += 1
        return FakeClient(self)

    def count(self, name: str) -> int:
        return sum(asked == name for asked, _ in self.asked)


class FakeClient:
    """Broken for good after its first failure, as a connection is."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self._is_broken = False

    def query(self, query: str, parameters: dict[str, Any], settings: dict[str, Any] | None = None) -> FakeResult:
        name = next(named.name for named in (*QUERIES.values(), *PRIVATE.values()) if named.sql == query)
        self._store.asked.append((name, parameters))
        self._store.held.wait(10)
        self._is_broken |= self._store.is_away
        if self._is_broken:
            raise OperationalError("connection refused")
        return FakeResult(*self._store.answers.get(name, ((), ())))

    def query_rows_stream(
        self, query: str, parameters: dict[str, Any], settings: dict[str, Any] | None = None
    ) -> AbstractContextManager[Iterable[Sequence[Any]]]:
        return nullcontext(self.query(query, parameters, settings).result_rows)

    def close(self) -> None:
        self._store.open_clients -= 1


class Clock:
    """Wall time in milliseconds that moves only when told to."""

    def __init__(self, at_ms: int = 1_760_000_000_000) -> None:
        self.at_ms = at_ms

    def __call__(self) -> int:
        return self.at_ms
