"""The chDB engine behind a bounded pool of threads.

Every statement gets a connection of its own (0.6 ms), so one client's settings never reach another's
statement; reading ones run with `readonly=1`, which also refuses `file()`, `url()` and the like. Reads
and writes wait in separate lines: a slow dashboard cannot hold up the sink. Both lines are bounded, and
so are each statement's time and memory.

chDB must be opened after the threads that use it exist, and a process that opened it must never fork.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chdb

from schemas.errors import Misconfigured
from sinks.store.requests import DEFAULT_FORMAT, Statement, with_source

BUSY = 202  # TOO_MANY_SIMULTANEOUS_QUERIES
_CODE = re.compile(r"Code: (\d+)\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """What one store process may use."""

    readers: int = 4
    writers: int = 2  # an insert keeps about one core busy
    waiting: int = 32  # statements in each line; beyond it the client is told to come back
    max_memory_bytes: int = 2 * 1024**3  # of one statement
    max_seconds: int = 60  # of one statement; clients wait no longer


DEFAULT_LIMITS = EngineLimits()


class EngineError(Exception):
    """The engine refused a statement. `code`: ClickHouse's error number (0 if it gave none)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reply:
    """A statement's answer and what it took."""

    body: bytes
    rows_read: int
    bytes_read: int
    seconds: float


class Engine:
    """One chDB folder. `open` before use, `close` after; `run` from the event loop."""

    def __init__(self, path: Path, limits: EngineLimits = DEFAULT_LIMITS) -> None:
        self._path = path
        self._limits = limits
        self._anchor: Any = None
        self._lines = {
            True: ThreadPoolExecutor(limits.readers, "store-read"),
            False: ThreadPoolExecutor(limits.writers, "store-write"),
        }
        self._load = {True: 0, False: 0}

    async def open(self) -> None:
        """Open the folder. Raises Misconfigured when it is taken or cannot be written."""
        await asyncio.get_running_loop().run_in_executor(self._lines[False], self._open)

    async def close(self) -> None:
        """Finish what runs, drop what waits, close the folder."""
        for line in self._lines.values():
            line.shutdown(wait=False, cancel_futures=True)
        for line in self._lines.values():
            await asyncio.to_thread(line.shutdown)
        if self._anchor is not None:
            await asyncio.to_thread(self._anchor.close)

    async def run(self, statement: Statement) -> Reply:
        """Execute it. Raises EngineError; with code BUSY when too many wait already."""
        line = statement.is_readonly or (not statement.is_insert and bool(statement.format))
        if self._load[line] >= self._limits.waiting:
            raise EngineError(BUSY, f"{self._limits.waiting} statements are waiting already; try again in a second")
        self._load[line] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._lines[line], self._run, statement)
        finally:
            self._load[line] -= 1

    def _open(self) -> None:
        try:
            self._anchor = _connect(self._path)
        except RuntimeError as error:
            # chDB writes its reason to stderr and raises without one; a lock held elsewhere is by far the usual.
            raise Misconfigured(
                f"{self._path}: another process has this store open, or its files cannot be read"
                f" ({_message(error)}); stop that process, or use the store through its port"
            ) from error

    def _run(self, statement: Statement) -> Reply:
        try:
            with closing(_connect(self._path)) as connection:
                self._prepare(connection, statement)
                with _source(statement) as sql:
                    answer = connection.query(
                        sql, statement.format or DEFAULT_FORMAT, params=dict(statement.parameters)
                    )
                return Reply(answer.bytes() or b"", answer.rows_read(), answer.bytes_read(), answer.elapsed())
        except RuntimeError as error:
            found = _CODE.search(str(error))
            raise EngineError(int(found[1]) if found else 0, _message(error)) from error

    def _prepare(self, connection: Any, statement: Statement) -> None:
        settings = {
            "max_memory_usage": str(self._limits.max_memory_bytes),
            "max_execution_time": str(self._limits.max_seconds),
            **statement.settings,
        }
        if statement.is_readonly:
            settings["readonly"] = "1"  # last: nothing can be set after it
        connection.query("SET " + ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items()))
        if statement.database:
            connection.query(f"USE `{statement.database.replace('`', '')}`")


@contextmanager
def _source(statement: Statement) -> Iterator[str | bytes]:
    """The statement's text; an INSERT's data stands in a memory file (on disk where there is none)."""
    if statement.data is None:
        yield statement.sql.decode("utf-8", "replace")
    elif hasattr(os, "memfd_create"):
        number = os.memfd_create("mailweir-insert")
        with os.fdopen(number, "wb") as file:
            file.write(statement.data)
            file.flush()
            yield with_source(statement, f"/proc/self/fd/{number}").decode("utf-8", "replace")
    else:
        with tempfile.NamedTemporaryFile() as named:
            named.write(statement.data)
            named.flush()
            yield with_source(statement, named.name).decode("utf-8", "replace")


def _connect(path: Path) -> Any:
    return chdb.connect(str(path))  # type: ignore[no-untyped-call]  # chDB has no types


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _message(error: Exception) -> str:
    text = str(error)
    return text[max(text.find("Code: "), 0) :].strip()
