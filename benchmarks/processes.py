"""What a process has used so far: CPU seconds and resident memory, from Linux's /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Used:
    """`cpu_s` since the process began, all threads; `rss_mb` now, in MiB."""

    cpu_s: float
    rss_mb: float


def used(pid: int) -> Used:
    """Of one process. Raises OSError when there is none."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return Used((int(stat[11]) + int(stat[12])) / _TICK, pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def slope(points: list[tuple[float, float]]) -> float:
    """The least-squares slope of (x, y) points, 0 for fewer than two."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
