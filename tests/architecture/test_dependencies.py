"""Imports point inward, and what touches the outside world stays where it is named here.

The table below is the rule; `docs/architecture.md` says it in words. Imports inside functions and under
TYPE_CHECKING count like any other.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.architecture.source_tree import PACKAGES, modules, unit_of, within

PLUMBING = {  # the log and the figures; nothing of the domain
    *(
        "streams.topics",
        "streams.kafka",
        "streams.broker_state",
        "streams.delivery",
        "streams.bell",
        "streams.registry",
    ),
    *("streams.telemetry", "streams.health", "streams.logs", "streams.clock"),
}

# unit -> units it may import beside itself. A unit is a package, or a module or folder of `streams`.
ALLOWED: dict[str, set[str]] = {
    "schemas": set(),
    "connectors": {"schemas"},
    "sinks": {"schemas", "streams.core"},
    "dashboards": {"schemas", "sinks", "streams.core"},
    "streams": set(),
    "streams.simulator": {"schemas"},
    "streams.core": {"schemas", "connectors"},
    "streams.telemetry": {"schemas", "streams.core"},
    "streams.health": {"schemas", "streams.telemetry"},
    "streams.logs": set(),
    "streams.clock": set(),
    "streams.registry": {"schemas"},
    "streams.topics": {"schemas"},
    "streams.kafka": {"schemas", "streams.topics", "streams.delivery", "streams.bell", "streams.broker_state"},
    "streams.broker_state": set(),
    "streams.delivery": {"schemas", "streams.bell"},
    "streams.bell": set(),
    "streams.lane": {"schemas", "streams.core", *PLUMBING},
    "streams.follow": {"schemas", "connectors", *PLUMBING},
    "streams.gateway": {"schemas", "connectors", "streams.core", *PLUMBING},
    "streams.inbox": {"schemas", *PLUMBING},
    "streams.poll": {"schemas", *PLUMBING},
    "streams.replay": {"schemas", "streams.core", *PLUMBING},
    "streams.suppression": {"schemas", "connectors", "streams.core", "streams.lane", *PLUMBING},
    "streams.agents": {"schemas", "connectors", "streams.core", "streams.lane", "streams.suppression", *PLUMBING},
    "streams.local": {"schemas", "sinks", "streams.core", "streams.simulator", *PLUMBING},
    "streams.environment": {"schemas", "streams.registry"},
    "streams.mailbox_domains": {"schemas"},
    "streams.mail_exchangers": {"connectors"},
    "streams.wiring": {
        *("schemas", "connectors", "sinks", "dashboards", "streams.environment"),
        *("streams.core", "streams.lane", "streams.gateway", "streams.follow", "streams.inbox", "streams.poll"),
        *("streams.mailbox_domains", "streams.agents", "streams.suppression", "streams.replay", *PLUMBING),
    },
}
OUTERMOST = {"streams.commands", "streams.compile", "streams.__main__"}  # may import everything; nobody imports them

# library or name -> the units where it may appear.
LIBRARIES: dict[str, set[str]] = {
    "faust": {"streams.agents", "streams.lane", "streams.wiring"},
    "mode": {"streams.agents", "streams.lane", "streams.health", "streams.suppression", "streams.wiring"},
    "confluent_kafka": {
        *("sinks", "streams.kafka", "streams.broker_state", "streams.delivery", "streams.topics", "streams.lane"),
        *("streams.agents", "streams.local", "streams.suppression", "streams.wiring", "streams.commands"),
        "streams.replay",
    },
    "clickhouse_connect": {
        *("sinks", "dashboards", "streams.local", "streams.wiring", "streams.commands"),
        "streams.simulator",  # compares what it sent with what is stored
    },
    "chdb": {"sinks", "streams.local"},
    "dns": {"streams.mail_exchangers"},
    "httptools": {"streams.gateway"},
    "numba": {"streams.core"},
    "rocksdict": {"streams.lane"},
    "typer": {"streams.commands", "streams.__main__"},
}
IMPURE = {"aiohttp", "asyncio", "httpx", "random", "requests", "socket", "subprocess", "threading", "urllib.request"}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv"}
WITH_ENVIRONMENT = {"streams.environment", "streams.__main__"}  # the entry point hands it on to its children
CLOCK = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
}
WITHOUT_CLOCK = ("schemas", "connectors", "streams.core")

MODULES = modules(*PACKAGES)


def nothing(wrong: Iterable[str]) -> None:
    """Fail with one line per finding."""
    found = sorted(set(wrong))
    assert not found, "\n" + "\n".join(found)


def test_every_part_of_the_code_has_its_place_in_the_table() -> None:
    unknown = sorted({m.unit for m in MODULES} - set(ALLOWED) - OUTERMOST)
    assert not unknown, f"{unknown}: say in ALLOWED (or OUTERMOST) what these may import"


def test_imports_point_inward() -> None:
    wrong = []
    for module in MODULES:
        if module.unit in OUTERMOST:
            continue
        allowed = ALLOWED.get(module.unit, set()) | {module.unit}
        for line, name in module.imports():
            if name.split(".")[0] in PACKAGES and not allowed & {unit_of(name), name}:
                wrong.append(f"{module.path}:{line}: {module.unit} must not import {name}")
    nothing(wrong)


def test_nobody_imports_the_entry_points() -> None:
    wrong = [
        f"{module.path}:{line}: {name} is an entry point; move what is needed inward"
        for module in MODULES
        for line, name in module.imports()
        for entry in OUTERMOST
        if within(name, entry) and module.unit not in OUTERMOST
    ]
    nothing(wrong)


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_library_appears_only_in_its_place(library: str) -> None:
    wrong = [
        f"{module.path}:{line}: {library} belongs to {', '.join(sorted(LIBRARIES[library]))}"
        for module in MODULES
        for line, name in module.imports()
        if within(name, library) and module.unit not in LIBRARIES[library]
    ]
    nothing(wrong)


def test_the_core_does_no_input_or_output() -> None:
    wrong = [
        f"{module.path}:{line}: {name} in the pure core; pass the result in"
        for module in MODULES
        if module.unit == "streams.core"
        for line, name in module.imports()
        if any(within(name, library) for library in IMPURE)
    ]
    nothing(wrong)


def test_the_environment_is_read_at_the_entry_only() -> None:
    wrong = [
        f"{module.path}:{line}: {name}; take a mapping as parameter, the entry point passes os.environ"
        for module in MODULES
        if module.unit not in WITH_ENVIRONMENT
        for line, name in module.uses(ENVIRONMENT)
    ]
    nothing(wrong)


def test_the_core_never_reads_the_clock() -> None:
    wrong = [
        f"{module.path}:{line}: {name}; time is a parameter here"
        for module in MODULES
        if module.unit in WITHOUT_CLOCK
        for line, name in module.uses(CLOCK)
    ]
    nothing(wrong)


def test_the_table_itself_has_no_circle() -> None:
    def reached(unit: str, path: tuple[str, ...] = ()) -> None:
        assert unit not in path, f"circle: {' -> '.join((*path, unit))}"
        for inner in ALLOWED[unit]:
            reached(inner, (*path, unit))

    for unit in ALLOWED:
        reached(unit)
