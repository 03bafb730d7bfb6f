"""The whole path as it runs in production: broker, store and every service as a process, and a way to load it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import yaml

from benchmarks.events import METRICS
from benchmarks.posts import SOURCE, Key
from benchmarks.stages import ROOT
from streams.local.broker import Broker
from streams.local.stack import SERVICES, Plan, Stack
from streams.local.workspace import Workspace

_STORED = "SELECT count() FROM mailweir.email_events"
_DISTINCT = "SELECT uniqExact(event_id) FROM mailweir.email_events"
_LETTERS = "SELECT count() FROM mailweir.dead_letters"
_COUNTED = f"SELECT sum({' + '.join(METRICS)}) FROM mailweir.partials WHERE kind = '{{kind}}'"
_STORE_TIMEOUT_S = 30.0
_STUCK_S = 20.0  # longer than a restarted worker needs
LETTERS = "dead letters"


@dataclass(slots=True)
class River:
    """A running stack, its address and its processes."""

    stack: Stack
    key: Key
    broker: Broker
    http: httpx.AsyncClient
    posted: int = 0  # events accepted by the gateway, all loads together

    @property
    def gateway(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.stack.gateway_url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def pids(self) -> dict[str, int]:
        """Process ids by service; the broker too where it is one process of ours."""
        found = {row.name: self.stack.supervisor.pid(row.name) for row in SERVICES}
        found["broker"] = getattr(self.broker, "pid", None)
        return {name: pid for name, pid in found.items() if pid is not None}

    async def ask(self, sql: str) -> int:
        """One number from the store. Raises httpx.HTTPError or ValueError while it does not answer."""
        response = await self.http.get(self.stack.clickhouse, params={"query": sql})
        return int(float(response.text or 0))

    async def stored(self) -> int:
        """Rows of email events, without merging: an event that came twice may count twice for a while."""
        return await self.ask(_STORED)

    async def totals(self) -> dict[str, int]:
        """Everything that must equal what was posted, and dead letters, which must be none."""
        found = {"stored": await self.ask(_DISTINCT)}
        for kind in ("tenant", "campaign"):
            found[f"counted by {kind}"] = await self.ask(_COUNTED.format(kind=kind))
        return {**found, LETTERS: await self.ask(_LETTERS)}

    async def settled(self, timeout_s: float) -> tuple[float, dict[str, int]]:
        """Wait until every total is right, or time is up, or nothing changes any more: seconds, totals."""
        began = changed = time.monotonic()
        last: dict[str, int] = {}
        while True:
            found, now = await self.totals(), time.monotonic()
            if found != last:
                last, changed = found, now
            is_right = all(count == self.posted for name, count in found.items() if name != LETTERS)
            if is_right or now - began > timeout_s or now - changed > _STUCK_S:
                return now - began, found
            await asyncio.sleep(0.5)

    @asynccontextmanager
    async def load(self, rate: float, seconds: float, seed: int) -> AsyncIterator[Load]:
        """Posts at a rate from another process while the context is open."""
        host, port = self.gateway
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.courier", host, str(port), str(rate), str(seconds), str(seed),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(self.key.text().encode())
        process.stdin.close()
        load = Load(process)
        try:
            yield load
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await load.reading
            self.posted += load.accepted


class Load:
    """A running courier: what it has said last."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.accepted = self.repeated = 0
        self.reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def done(self) -> None:
        """Wait for its end. Raises RuntimeError when not everything was accepted."""
        code = await self._process.wait()
        await self.reading
        if code:
            raise RuntimeError(f"the load generator ended with exit code {code}; what it said is above")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            self.accepted, self.repeated = said["accepted"], said["repeated"]


@asynccontextmanager
async def running(broker: Broker, folder: Path, say: Callable[[str], None]) -> AsyncIterator[River]:
    """The stack over `broker`. Raises Transient or Misconfigured when it does not start."""
    key = Key()
    config = {"sources": [{"name": SOURCE, "provider": "sendgrid", "secrets": [key.public]}]}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAILWEIR_")}
    _write(folder / "mailweir.yaml", yaml.safe_dump(config))
    plan = Plan(config=folder / "mailweir.yaml", environ=environ, kafka=broker.bootstrap, preferred={})
    with Workspace(folder / "stack") as workspace:
        stack = Stack(workspace, plan, report=say)
        try:
            await stack.start()
            async with httpx.AsyncClient(timeout=_STORE_TIMEOUT_S, trust_env=False) as http:
                yield River(stack, key, broker, http)
        finally:
            await stack.stop()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
