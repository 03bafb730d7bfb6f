"""The figures as a table of 80 columns and as JSON. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.figure import Figure

WIDTH = 80
_ROW = "{:<31.31} {:>12} {:<15.15} {:<12.12} {:<5}"


def table(figures: Sequence[Figure]) -> list[str]:
    """One line a figure, and below it its note or its error, wrapped."""
    found = [_ROW.format("figure", "median", "unit", "goal", "met").rstrip(), "-" * WIDTH]
    for figure in figures:
        value = "failed" if figure.error else number(figure.value)
        met = {None: "", True: "yes", False: "NO"}[figure.is_met]
        found.append(_ROW.format(figure.name, value, figure.unit, figure.goal, met).rstrip())
        found += _indented(figure.error or figure.note)
    return found


def number(value: float) -> str:
    """1,234,567 for large values, three significant digits for small ones."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def as_json(machine: dict[str, object], figures: Sequence[Figure], *, quick: bool) -> dict[str, Any]:
    """The whole run. A figure without a value has null and `error`."""
    return {"machine": machine, "quick": quick, "figures": [_figure(figure) for figure in figures]}


def is_sound(figures: Sequence[Figure]) -> bool:
    """Nothing failed and nothing was counted wrong; missed goals do not matter here."""
    return not any(figure.error or figure.note.startswith("wrong") for figure in figures)


def _figure(figure: Figure) -> dict[str, Any]:
    item = asdict(figure)
    if not math.isfinite(figure.value):
        item["value"] = None
    if not figure.error:
        del item["error"]
    if not figure.note:
        del item["note"]
    return item


def _indented(text: str, head: str = "    ") -> list[str]:
    found: list[str] = []
    line = ""
    for word in text.split():
        if line and len(head) + len(line) + 1 + len(word) > WIDTH:
            found.append(head + line)
            line = ""
        line = f"{line} {word}" if line else word
    return [*found, head + line] if line else found
