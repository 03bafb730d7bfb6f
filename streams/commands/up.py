"""`mailweir up`: the local stack for real webhooks, until Ctrl-C.

Set MAILWEIR_KAFKA or MAILWEIR_CLICKHOUSE to use servers of your own instead of the local ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from schemas.config import Config
from schemas.config_file import load_config
from schemas.errors import Misconfigured, Transient
from schemas.segments.configured import configured_segments
from schemas.settings import Settings, load_settings
from streams.local.interrupt import Interrupt
from streams.local.stack import Plan, Port, Stack
from streams.local.workspace import Workspace

_DRAIN_S = 15.0  # most of a minute's burst; a quiet stack needs 1.5 s
_PORTS: tuple[Port, ...] = ("gateway_port", "console_port", "suppression_port", "store_port")


def run(*, data: Path, environ: Mapping[str, str], console: Console | None = None) -> int:
    """Run the stack with its data in the folder `data`; the exit code.

    0: ended by Ctrl-C; 1: it did not start or a service was given up. Raises Misconfigured when the
    configuration, a port or the folder must be changed.
    """
    settings = load_settings(environ)
    config = load_config(settings.config, environ)
    if config.segments:  # else their service would end again and again, with the reason in its log
        configured_segments(config, settings.config)
    console = console or Console()
    try:
        with Workspace(data) as workspace:
            return asyncio.run(_serve(workspace, plan_of(settings, environ, config), config, console))
    except Transient as error:
        say_error(console, error)
        return 1


def plan_of(settings: Settings, environ: Mapping[str, str], config: Config | None = None) -> Plan:
    """The stack that is asked for: ports and servers named in the environment are fixed, the rest is ours."""
    server = settings.clickhouse if environ.get("MAILWEIR_CLICKHOUSE") else ""
    if server and not server.startswith(("http://", "https://")):
        raise Misconfigured(
            f"MAILWEIR_CLICKHOUSE: {server} cannot be shared by several processes; unset it to let `up` serve"
            " the folder of --data, or give the http:// address of a server"
        )
    return Plan(
        config=settings.config.absolute(),
        environ=environ,
        kafka=settings.kafka if environ.get("MAILWEIR_KAFKA") else "",
        clickhouse=server,
        preferred=preferred_ports(settings),
        fixed=fixed_ports(environ),
        partitions=settings.partitions,
        replication=settings.replication,
        has_segments=bool(config and config.segments),
    )


def preferred_ports(settings: Settings) -> dict[Port, int]:
    """The ports to try first."""
    return {name: getattr(settings, name) for name in _PORTS}


def fixed_ports(environ: Mapping[str, str]) -> frozenset[Port]:
    """The ports that a person asked for by an environment variable."""
    return frozenset(name for name in _PORTS if environ.get(f"MAILWEIR_{name.upper()}"))


async def _serve(workspace: Workspace, plan: Plan, config: Config, console: Console) -> int:
    stack = Stack(workspace, plan, report=lambda line: say(console, f"  {line}"))
    with Interrupt(again=stack.kill_all) as interrupt:
        try:
            say(console, f"starting; data and logs are in {workspace.folder}")
            await interrupt.race(stack.start())
            if interrupt.is_set:
                return 0
            _say_ready(stack, plan, config, console)
            failure = await interrupt.race(stack.wait_for_failure())
            if failure:
                say_error(console, failure)
            return 1 if failure else 0
        finally:
            say(console, "stopping ...")
            await stack.stop(drain_s=0.0 if interrupt.is_urgent else _DRAIN_S)


def _say_ready(stack: Stack, plan: Plan, config: Config, console: Console) -> None:
    say(console, f"console     {stack.console_url}")
    say(console, f"webhooks    {stack.gateway_url}/webhooks/<source>")
    for source in config.sources[:20]:
        say(console, f"  {source.provider:<10}{stack.gateway_url}/webhooks/{source.name}")
    if not config.sources:
        say(console, f"  none yet: add `sources` to {plan.config} and start again")
    say(console, f"ClickHouse  {stack.clickhouse} (database mailweir)")
    say(console, f"Kafka       {stack.kafka}")
    if not plan.kafka:
        say(
            console,
            "The log lives in memory: set MAILWEIR_KAFKA to a broker of yours to keep records over a stop.",
        )
    say(console, "Ctrl-C ends it.")


def say(console: Console, line: str) -> None:
    """One line as it is: no markup, no colours, no wrapping of addresses."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def say_error(console: Console, error: object) -> None:
    """One failure, in red where there is a terminal."""
    console.print(f"mailweir: {error}", markup=False, highlight=False, soft_wrap=True, style="red")
