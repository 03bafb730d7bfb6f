"""The same rows into `email_events` three ways: by the product's sink, by a client as rows, by a client as columns."""

from __future__ import annotations

import io
import json
import resource
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, cast

import fastavro
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from benchmarks.brokers import CannotRunError
from benchmarks.processes import used
from schemas.avro import HEADER_SIZE, Codec, newest
from schemas.events import EmailEvent
from sinks.clickhouse import connect
from sinks.dead_letters import KafkaDeadLetters
from sinks.log import KafkaLog
from sinks.runner import Sink
from sinks.settings import SinkSettings
from sinks.tables import TABLES

TABLE = "email_events"
ROUND = SinkSettings().max_records
BATCH = 20_000  # rows of a client's insert: more of them at once only cost it memory
_STALL_S = 30.0
_WARM = 100  # rows: the client asks for the table's columns at its first insert
_SETTINGS = {"optimize_on_insert": 0, "async_insert": 0}  # what makes the client fastest, as in the sink
Moment = tuple[float, float, float]  # wall seconds, CPU seconds of this process, of the store
Insert = Callable[[Client, Sequence[bytes]], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows, and the wall and CPU seconds they took, those of the inserting process and of the store."""

    rows: int
    wall_s: float
    cpu_s: float
    store_cpu_s: float

    @property
    def rows_per_s(self) -> float:
        """The speed."""
        return self.rows / self.wall_s

    @property
    def cpu_us(self) -> float:
        """CPU microseconds a row, both processes."""
        return (self.cpu_s + self.store_cpu_s) / self.rows * 1e6

    @property
    def own_cpu_us(self) -> float:
        """CPU microseconds a row of the inserting process alone."""
        return self.cpu_s / self.rows * 1e6


# -- the sink ----------------------------------------------------------------------------------------------------


def by_sink(bootstrap: str, url: str, client: Client, pid: int, rows: int, group: str) -> Taken:
    """The real sink over the whole topic, with a group of its own, into the emptied table."""
    _empty(client)
    watch = _Watch(pid)
    sink = _build(bootstrap, url, group, watch)
    thread = threading.Thread(target=sink.run, name="sink", daemon=True)
    thread.start()
    try:
        _until_stored(client, rows)
    finally:
        sink.stop()
        thread.join(_STALL_S)
    if watch.first is None or watch.last is None:
        raise CannotRunError("the sink committed nothing")
    begin, end = watch.first, watch.last
    return _taken(rows - _first_round(client), begin, end)


def _build(bootstrap: str, url: str, group: str, watch: Callable[[str], None]) -> Sink:
    codec = Codec()
    return Sink(
        log=KafkaLog(bootstrap, group, 10_000),
        client_factory=partial(connect, url),
        codec=codec,
        dead_letters=KafkaDeadLetters(Producer({"bootstrap.servers": bootstrap, "log_level": 2}), codec),
        specs=TABLES,
        settings=replace(SinkSettings(), group=group, writer=group),
        clock=time.monotonic,
        registry=CollectorRegistry(),
        at=watch,
    )


class _Watch:
    """Notes when the sink committed first and last, with the CPU seconds used by then."""

    def __init__(self, store: int) -> None:
        self._store = store
        self.first: Moment | None = None
        self.last: Moment | None = None

    def __call__(self, step: str) -> None:
        if step == "committed":
            self.last = _now(self._store)
            self.first = self.first or self.last


def _first_round(client: Client) -> int:
    """Rows of the first round: those batches that were announced together, first of all."""
    sql = "SELECT sum(records) FROM sink_batches WHERE written_at = (SELECT min(written_at) FROM sink_batches)"
    return int(client.query(sql).result_rows[0][0])


def _until_stored(client: Client, rows: int) -> None:
    stored, since = -1, time.monotonic()
    while stored < rows:
        found = _count(client)
        if found != stored:
            stored, since = found, time.monotonic()
        elif time.monotonic() - since > _STALL_S:
            raise CannotRunError(f"the sink stopped at {stored} of {rows} rows")
        time.sleep(0.5)  # each question costs the store some milliseconds


# -- the clients -------------------------------------------------------------------------------------------------


def by_client(client: Client, values: Sequence[bytes], pid: int, insert: Insert) -> Taken:
    """Decode and insert the values in batches of the sink's size, into the emptied table."""
    _empty(client)
    insert(client, values[:_WARM])
    begin = _now(pid)
    for first in range(0, len(values), BATCH):
        insert(client, values[first : first + BATCH])
    taken = _taken(len(values), begin, _now(pid))
    stored = int(client.query(f"SELECT uniqExact(event_id) FROM {TABLE}").result_rows[0][0])  # merges drop repeats
    if stored != len(values):
        raise CannotRunError(f"the client inserted {stored} events of {len(values)}")
    return taken


def as_rows(client: Client, values: Sequence[bytes]) -> None:
    """A list of rows, the client's usual way."""
    rows = [list(record.values()) for record in map(_decode, values)]
    client.insert(TABLE, rows, column_names=_names(), settings=_SETTINGS)


def as_columns(client: Client, values: Sequence[bytes]) -> None:
    """The same as a list of columns."""
    columns = list(zip(*(record.values() for record in map(_decode, values)), strict=True))
    client.insert(TABLE, columns, column_names=_names(), column_oriented=True, settings=_SETTINGS)


def _schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(newest(EmailEvent).path.read_text(encoding="utf-8"))
    return found


def _names() -> list[str]:
    return [field["name"] for field in _schema()["fields"]]


@cache
def _written() -> Any:
    """The schema with its logical types: times become datetime objects, which the client's columns ask for."""
    return fastavro.parse_schema(_schema())


def _decode(value: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", fastavro.schemaless_reader(io.BytesIO(value[HEADER_SIZE:]), _written(), None))


# -- the store ---------------------------------------------------------------------------------------------------


def _empty(client: Client) -> None:
    for table in (TABLE, "sink_batches"):
        client.command(f"TRUNCATE TABLE {table}")


def _count(client: Client) -> int:
    return int(client.query(f"SELECT count() FROM {TABLE}").result_rows[0][0])


def _now(store: int) -> Moment:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), own.ru_utime + own.ru_stime, used(store).cpu_s


def _taken(rows: int, begin: Moment, end: Moment) -> Taken:
    wall_s, cpu_s, store_cpu_s = (after - before for before, after in zip(begin, end, strict=True))
    return Taken(rows, wall_s, cpu_s, store_cpu_s)
