"""The whole pipeline on one machine: a broker, a store, and the services of `SERVICES` as processes.

The processes are those of production (`python -m streams <command>`); only their addresses differ. A
broker or a ClickHouse server that somebody else runs takes the place of the local one when its address
is given.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from schemas.errors import Misconfigured
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.local import ports
from streams.local.broker import Tansu
from streams.local.stored import until_still
from streams.local.supervisor import Bounds, Service, Supervisor
from streams.local.workspace import Workspace
from streams.topics import apply_topics

PARTITIONS = 2  # one machine: each partition costs a transaction and an insert per flush
_TOPICS_S = 10.0  # also how long Ctrl-C may have to wait for a broker that does not answer
_BROKER_POLL_S = 0.5
_PROGRAM = (sys.executable, "-m", "streams")

Port = Literal["store_port", "gateway_port", "console_port", "suppression_port", "metrics_port"]


@dataclass(frozen=True, slots=True)
class Row:
    """One service: its command, the setting with the port where `ready_path` answers, its stop stage.

    Services of a higher stage feed those below and stop first. `needs_store`: starts after the tables are there.
    """

    name: str
    port: Port
    ready_path: str
    stage: int
    needs_store: bool = False


STORE = Row("store", "store_port", "/ping", stage=0)
GATEWAY = Row("gateway", "gateway_port", "/readyz", stage=3)
SERVICES: tuple[Row, ...] = (
    STORE,
    Row("console", "console_port", "/readyz", stage=1, needs_store=True),
    Row("sink", "metrics_port", "/readyz", stage=1, needs_store=True),
    Row("remediation", "metrics_port", "/readyz", stage=2),
    Row("reputation", "metrics_port", "/readyz", stage=2),
    Row("suppression", "suppression_port", "/readyz", stage=2),
    Row("normalise", "metrics_port", "/readyz", stage=2),
    GATEWAY,
)
SEGMENTS = Row("segments", "metrics_port", "/readyz", stage=2)
"""Only where the configuration has segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a stack is made of. `environ`: the environment its processes inherit.

    `kafka` and `clickhouse`: addresses of servers to use, "" to start local ones. `preferred`: ports to
    take if they are free. `fixed`: ports a person asked for; they are taken or refused. `has_segments`: the
    configuration names a folder with segments.
    """

    config: Path
    environ: Mapping[str, str]
    kafka: str = ""
    clickhouse: str = ""
    preferred: Mapping[Port, int]
    fixed: frozenset[Port] = frozenset()
    partitions: int = PARTITIONS
    replication: int = 1
    has_segments: bool = False


class Stack:
    """A running local stack; `start`, then `stop` in any case. Use it from the main thread's event loop.

    `report` gets one line per thing a person should see. `program`, `tables` and `bounds` are for tests.
    """

    def __init__(
        self,
        workspace: Workspace,
        plan: Plan,
        *,
        report: Callable[[str], None],
        program: Sequence[str] = _PROGRAM,
        tables: Callable[[str], object] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._plan = plan
        self._report = report
        self._program = tuple(program)
        self._tables = tables or self._apply_tables
        self._folder = workspace.folder
        self._logs = workspace.subfolder("logs")
        self._temporary = workspace.subfolder("tmp")
        self._rows = tuple(row for row in (*SERVICES, SEGMENTS) if _is_wanted(row, plan))
        self._ports = _choose_ports(self._rows, plan)
        self._broker = None if plan.kafka else Tansu(self._logs)
        self.supervisor = Supervisor(report=report, bounds=bounds)

    @property
    def kafka(self) -> str:
        """The broker's address, `host:port`."""
        return self._broker.bootstrap if self._broker else self._plan.kafka

    @property
    def clickhouse(self) -> str:
        """The store's address, `http://host:port`."""
        return self._plan.clickhouse or self._url("store")

    @property
    def gateway_url(self) -> str:
        """Where webhooks go."""
        return self._url("gateway")

    @property
    def console_url(self) -> str:
        """Where the dashboards are."""
        return self._url("console")

    async def start(self) -> None:
        """Start everything and return when all of it is ready.

        Raises Misconfigured or Transient with a sentence; call `stop` then too.
        """
        if self._broker:
            started = time.monotonic()
            self._broker.start()
            self._report(f"broker is ready ({time.monotonic() - started:.1f} s)")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._start_store_side())
                group.create_task(self._start_log_side())
        except ExceptionGroup as failed:
            raise _first(failed) from None

    async def stop(self, *, drain_s: float = 0.0) -> None:
        """End everything, what feeds before what is fed; the broker last.

        `drain_s`: with the local broker, which forgets, how long the gateway's last records may take to be stored.
        """
        if self._broker and drain_s and self.supervisor.failure is None:
            await self.supervisor.stop_stages(GATEWAY.stage)
            await until_still(self.clickhouse, drain_s)
        await self.supervisor.stop()
        if self._broker:
            self._broker.stop()

    def kill_all(self) -> None:
        """End everything at once."""
        self.supervisor.kill_all()

    async def wait_for_failure(self) -> str:
        """Return a sentence when a service was given up or the local broker has ended; else wait for ever."""
        tasks = [asyncio.create_task(self.supervisor.wait_for_failure()), asyncio.create_task(self._broker_ended())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in tasks:
                task.cancel()

    async def _start_store_side(self) -> None:
        """The store, its tables, then what cannot work without them."""
        if STORE in self._rows:
            await self.supervisor.start([self._service(STORE)])
        await asyncio.to_thread(self._tables, self.clickhouse)
        await self.supervisor.start([self._service(row) for row in self._rows if row.needs_store])

    async def _start_log_side(self) -> None:
        """The topics, then the services that live on the log alone."""
        plan = self._plan
        await asyncio.to_thread(apply_topics, self.kafka, plan.partitions, plan.replication, timeout_s=_TOPICS_S)
        rows = [row for row in self._rows if row is not STORE and not row.needs_store]
        await self.supervisor.start([self._service(row) for row in rows])

    def _apply_tables(self, url: str) -> None:
        environ = self._plan.environ
        client = connect(
            url, environ.get("MAILWEIR_CLICKHOUSE_USER", "default"), environ.get("MAILWEIR_CLICKHOUSE_PASSWORD", "")
        )
        try:
            apply_tables(client)
        finally:
            client.close()

    async def _broker_ended(self) -> str:
        while self._broker is None or self._broker.is_running():  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(_BROKER_POLL_S)
        return f"the local broker has ended, and its records with it; its log is {self._broker.log}"

    def _url(self, name: str) -> str:
        return f"http://{ports.LOOPBACK}:{self._ports[name]}"

    def _service(self, row: Row) -> Service:
        return Service(
            name=row.name,
            argv=(*self._program, row.name),
            env=self._environment(row),
            ready_url=f"{self._url(row.name)}{row.ready_path}",
            log=self._logs / f"{row.name}.log",
            stage=row.stage,
        )

    def _environment(self, row: Row) -> dict[str, str]:
        """What every service is told, over what the caller's environment says."""
        quick = {"MAILWEIR_SESSION_TIMEOUT_MS": "6000"}
        addresses = {
            "MAILWEIR_KAFKA": self.kafka,
            "MAILWEIR_CLICKHOUSE": self.clickhouse,
            "MAILWEIR_CONFIG": str(self._plan.config),
            "MAILWEIR_DATA": str(self._folder / "data"),
            "MAILWEIR_HOST": ports.LOOPBACK,
            "MAILWEIR_PARTITIONS": str(self._plan.partitions),
            **{_variable(of): str(self._ports[of.name]) for of in self._rows if of is row or of.port != "metrics_port"},
            "TMPDIR": str(self._temporary),
            "PYTHONUNBUFFERED": "1",
        }
        return {**quick, **self._plan.environ, **addresses}


def _is_wanted(row: Row, plan: Plan) -> bool:
    return plan.has_segments if row is SEGMENTS else row is not STORE or not plan.clickhouse


def _variable(row: Row) -> str:
    return f"MAILWEIR_{row.port.upper()}"


def _choose_ports(rows: Sequence[Row], plan: Plan) -> dict[str, int]:
    """A port per service. Raises Misconfigured when one that a person asked for is taken."""
    chosen: dict[str, int] = {}
    for row in rows:
        wanted = plan.preferred.get(row.port, 0)
        port = ports.free_port(wanted, taken=frozenset(chosen.values()))
        if row.port in plan.fixed and port != wanted:
            raise Misconfigured(
                f"port {wanted} on {ports.LOOPBACK} is in use by another program; stop it or choose another"
                f" port for the {row.name} with {_variable(row)}"
            )
        chosen[row.name] = port
    return chosen


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The first error of a group, whatever the nesting; the others follow from it or would be said next time."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
