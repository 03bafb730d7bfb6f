"""One run of a local stack with simulated senders: what `mailweir demo` shows and end-to-end tests drive.

The senders' control APIs listen first, since the configuration names them; then the stack starts with
that configuration; then traffic flows.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from schemas.segments.files import load_segments
from schemas.segments.rules import Segment
from streams.local.progress import Rate, line_of
from streams.local.stack import Plan, Port, Stack
from streams.local.stored import stored_events
from streams.local.workspace import Workspace
from streams.simulator.simulator import Simulator

_SHOW_EVERY_S = 0.5
_RULES = Path(__file__).with_name("segments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Where a demonstration runs. `environ`: for its processes, without addresses of other servers.

    `kafka`: a broker to use, "" to start the local one.
    """

    environ: Mapping[str, str]
    preferred: Mapping[Port, int] = field(default_factory=dict)
    fixed: frozenset[Port] = frozenset()
    kafka: str = ""


def demo_segments() -> list[Segment]:
    """The rules that a demonstration's stack follows."""
    return load_segments([_RULES])


class Demonstration:
    """`start`, `traffic`, then `stop` in any case. Use it from the main thread's event loop."""

    def __init__(
        self, workspace: Workspace, simulator: Simulator, wishes: Wishes, *, report: Callable[[str], None]
    ) -> None:
        self.simulator = simulator
        self._config = workspace.folder / "mailweir.yaml"
        self._rules = workspace.folder / _RULES.name
        self._certificates = workspace.folder / "certificates.json"
        plan = Plan(
            config=self._config,
            environ={**wishes.environ, "MAILWEIR_TRUSTED_CERTIFICATES": str(self._certificates)},
            kafka=wishes.kafka,
            preferred=wishes.preferred,
            fixed=wishes.fixed,
            has_segments=True,
        )
        self.stack = Stack(workspace, plan, report=report)

    async def start(self) -> None:
        """Listen for control calls, write the configuration, start the stack. Raises as `Stack.start`."""
        control_url = await self.simulator.serve_controls()
        shutil.copytree(_RULES, self._rules)
        config = {**self.simulator.config(control_url), "segments": _RULES.name}
        _write_private(self._config, yaml.safe_dump(config, sort_keys=False))
        _write_private(self._certificates, json.dumps(self.simulator.certificates()))
        await self.stack.start()

    async def traffic(self, show: Callable[[str], None]) -> None:
        """Post until the duration is over or `simulator.stop()`; `show` gets a progress line twice a second."""
        watch = asyncio.create_task(self._watch(show))
        try:
            await self.simulator.run(self.stack.gateway_url)
        finally:
            watch.cancel()

    async def stop(self) -> None:
        """End the stack, then the control APIs it may still call."""
        await self.stack.stop()
        await self.simulator.close()

    async def _watch(self, show: Callable[[str], None]) -> None:
        progress, rate, began = self.simulator.progress, Rate(), time.monotonic()
        stored = 0
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            while True:
                stored = await stored_events(client, self.stack.clickhouse, stored)
                elapsed_s = time.monotonic() - began
                show(
                    line_of(
                        elapsed_s=elapsed_s,
                        posted=progress.events,
                        stored=stored,
                        rate=rate.update(progress.events, elapsed_s),
                        paused=[*progress.paused, *progress.resting],
                    )
                )
                await asyncio.sleep(_SHOW_EVERY_S)


def _write_private(path: Path, text: str) -> None:
    """A file that only its owner can read: it holds the simulated senders' secrets."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
