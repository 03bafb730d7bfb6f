"""Keeps the services of the local stack alive: start, wait until ready, restart after a crash, stop in order.

A service is one child process and one URL that answers 200 when it is ready. A crashed service comes back
after a growing pause; one that keeps crashing, or ends with exit code 2 (its configuration is wrong), is
given up with a sentence that names its log. Stopping goes by `stage`, highest first, so that nothing
stops before what feeds it. The restart scheme is the one-for-one strategy with restart intensity of
Erlang/OTP supervisors.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from schemas.errors import Transient
from streams.local import processes

_POLL_S = 0.1
_MINUTE_S = 60.0
_HEALTHY_S = 10.0  # after this long alive the pause before a restart is short again
MISCONFIGURED = 2  # the exit code of every command whose configuration is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process to keep alive. `argv[0]` is an absolute path; `env` the whole environment.

    `ready_url` answers 200 when it can work. `log` gets its output. `stage`: stopped before lower ones.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    ready_url: str
    log: Path
    stage: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long to wait and how often to try. A crash loop must end in a sentence, not in a warm machine."""

    ready_s: float = 180.0  # the first start after a change compiles for 25 CPU-s (`streams.compile`), on busy cores
    stop_s: float = 8.0  # a worker flushes and commits in 2 s; then SIGKILL, which it must survive anyway
    restarts_per_minute: int = 5
    first_pause_s: float = 0.25
    longest_pause_s: float = 5.0


@dataclass(slots=True)
class _Child:
    """One service and its present process."""

    service: Service
    process: subprocess.Popen[bytes] | None = None
    task: asyncio.Task[None] | None = None
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    crashes: deque[float] = field(default_factory=deque)
    was_ready: bool = False
    restarts: int = 0
    last_answer: str = "no answer yet"


class Supervisor:
    """Runs services as children of this process. Use it from the main thread's event loop.

    `report` gets one line per event that a person should see. After a service was given up `failure` is
    its sentence and `wait_for_failure` returns; the others keep running until `stop`.
    """

    def __init__(self, *, report: Callable[[str], None], bounds: Bounds | None = None) -> None:
        self._report = report
        self._bounds = bounds or Bounds()
        self._children: dict[str, _Child] = {}
        self._http = httpx.AsyncClient(timeout=2.0, trust_env=False)
        self._given_up = asyncio.Event()
        self.failure: str | None = None

    async def start(self, services: Sequence[Service]) -> None:
        """Start `services` at once and return when all are ready. May be called again for more.

        Raises Transient with the reason and the log when one is not ready in time or was given up.
        """
        children = [_Child(service) for service in services]
        for child in children:
            if child.service.name in self._children:
                raise ValueError(f"the service {child.service.name!r} is running already")
            self._children[child.service.name] = child
            child.task = asyncio.create_task(self._keep_alive(child), name=child.service.name)
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._bounds.ready_s):
                await asyncio.gather(*(self._until_ready(child, started) for child in children))
        except TimeoutError:
            raise Transient(self._late(children)) from None

    def kill(self, name: str, signal_number: int = signal.SIGKILL) -> None:
        """Send a signal to a running service, for crash tests. Raises KeyError for an unknown name."""
        process = self._children[name].process
        if process is not None and process.poll() is None:
            os.kill(process.pid, signal_number)

    def pid(self, name: str) -> int | None:
        """The process id of a service, None while it is not running."""
        process = self._children[name].process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def restarts(self) -> dict[str, int]:
        """How often each service was started again."""
        return {name: child.restarts for name, child in self._children.items()}

    async def wait_until_ready(self, name: str, timeout_s: float = 30.0) -> None:
        """Return when the service is ready (again). Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self._children[name].is_ready.wait()

    async def wait_for_failure(self) -> str:
        """Return the sentence once a service was given up; wait for ever otherwise."""
        await self._given_up.wait()
        return self.failure or ""

    async def stop_stages(self, lowest: int) -> None:
        """Stop the services of stage `lowest` and above; the others are kept alive."""
        going = [child for child in self._children.values() if child.service.stage >= lowest]
        tasks = [child.task for child in going if child.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stage in sorted({child.service.stage for child in going}, reverse=True):
            await self._stop_stage([child for child in going if child.service.stage == stage])

    async def stop(self) -> None:
        """Stop all, highest stage first; SIGTERM, and SIGKILL for those that take too long."""
        await self.stop_stages(min((child.service.stage for child in self._children.values()), default=0))
        await self._http.aclose()

    def kill_all(self) -> None:
        """SIGKILL to everything and no restart, for a second Ctrl-C; `stop` then has nothing to wait for."""
        for child in self._children.values():
            if child.task is not None:
                child.task.cancel()
        for process in self._alive(self._children.values()):
            processes.kill(process)

    async def _keep_alive(self, child: _Child) -> None:
        """The life of one service, until it is given up or the task is cancelled."""
        while True:
            try:
                child.process = processes.spawn(child.service.argv, log=child.service.log, env=child.service.env)
            except OSError as error:
                self._give_up(child, f"{child.service.name} cannot be started ({error.strerror}: {error.filename})")
                return
            since = time.monotonic()
            code = await self._until_exit(child, since)
            child.is_ready.clear()
            now = time.monotonic()
            child.crashes.append(now)
            while child.crashes and now - child.crashes[0] > _MINUTE_S:
                child.crashes.popleft()
            if not self._may_restart(child, code):
                return
            pause_s = self._pause(child, alive_s=now - since)
            self._report(f"{child.service.name} {_ending(code)}; starting it again in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            child.restarts += 1

    async def _until_exit(self, child: _Child, since: float) -> int:
        """Probe until ready, then watch; the exit code. A process never ready in time is killed."""
        assert child.process is not None  # noqa: S101 - set by the only caller
        while (code := child.process.poll()) is None:
            if not child.is_ready.is_set():
                if await self._answers(child):
                    child.is_ready.set()
                    child.was_ready = True
                    if child.restarts:
                        self._report(f"{child.service.name} is back ({time.monotonic() - since:.1f} s)")
                elif time.monotonic() - since > self._bounds.ready_s:
                    processes.kill(child.process)
            processes.bound_log(child.service.log)
            await asyncio.sleep(_POLL_S)
        return code

    async def _answers(self, child: _Child) -> bool:
        try:
            response = await self._http.get(child.service.ready_url)
        except httpx.HTTPError as error:
            child.last_answer = f"no answer ({type(error).__name__})"
            return False
        child.last_answer = f"HTTP {response.status_code}: {response.text[:200].strip()}"
        return response.status_code == 200

    async def _until_ready(self, child: _Child, started: float) -> None:
        """Wait for ready; raises Transient as soon as any service is given up."""
        assert child.task is not None  # noqa: S101 - set by the only caller
        waits = {asyncio.create_task(child.is_ready.wait()), asyncio.create_task(self._given_up.wait())}
        try:
            await asyncio.wait({*waits, child.task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self.failure is not None:
            raise Transient(self.failure)
        if child.task.done():
            child.task.result()
        self._report(f"{child.service.name} is ready ({time.monotonic() - started:.1f} s)")

    def _may_restart(self, child: _Child, code: int) -> bool:
        name, log = child.service.name, child.service.log
        if code == MISCONFIGURED and not child.was_ready:  # what has worked before deserves another try
            self._give_up(child, f"{name} refuses its configuration; its log is {log}")
            return False
        if len(child.crashes) > self._bounds.restarts_per_minute:
            count = len(child.crashes)
            self._give_up(child, f"{name} ended {count} times within a minute and was given up; its log is {log}")
            return False
        return True

    def _give_up(self, child: _Child, sentence: str) -> None:
        detail = processes.last_lines(child.service.log)
        self.failure = self.failure or (f"{sentence}\n{detail}" if detail else sentence)
        self._given_up.set()

    def _pause(self, child: _Child, *, alive_s: float) -> float:
        if alive_s > _HEALTHY_S:
            return self._bounds.first_pause_s
        return min(self._bounds.longest_pause_s, self._bounds.first_pause_s * 2.0 ** (len(child.crashes) - 1))

    def _late(self, children: Sequence[_Child]) -> str:
        late = [child for child in children if not child.is_ready.is_set()]
        lines = [
            f"{child.service.name} was not ready after {self._bounds.ready_s:g} s:"
            f" {child.service.ready_url} gave {child.last_answer}; its log is {child.service.log}"
            for child in late
        ]
        return "\n".join(lines)

    async def _stop_stage(self, children: Sequence[_Child]) -> None:
        for process in self._alive(children):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._bounds.stop_s):
                while self._alive(children):  # noqa: ASYNC110 - a process has no event to await
                    await asyncio.sleep(_POLL_S / 4)
        for process in self._alive(children):
            processes.kill(process)

    @staticmethod
    def _alive(children: Iterable[_Child]) -> list[subprocess.Popen[bytes]]:
        found = [child.process for child in children if child.process is not None]
        return [process for process in found if process.poll() is None]


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"
