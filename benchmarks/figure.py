"""A measured figure, and the plan of a run: what every benchmark module takes and gives."""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_TESTS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to run: `quick` for a small input and one run, `runs` repetitions, `seed` for every made-up input.

    `brokers`: those on which stages with a broker are measured, "tansu" and "kafka"; the first one's figures
    carry the plain names, the others' end in `_kafka`. `rate`: events a second that the whole path is loaded with.
    `events`: how many the stage `panels` stores, 0 for its own number.
    """

    quick: bool
    seed: int
    runs: int
    work: Path  # a folder for what a run leaves behind
    say: Callable[[str], None] = print
    brokers: tuple[str, ...] = ("tansu",)
    events: int = 0
    rate: float = 21_000.0  # above the whole path's goal: what is stored can only be as much


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One named figure: `value` is the median of `runs`; `goal` as text ("" where there is none).

    `note` says what a reader must know, "wrong" first when the totals were not right. `error`: why there is
    no value (it is NaN then).
    """

    name: str
    value: float
    unit: str
    goal: str = ""
    runs: list[float] = field(default_factory=list)
    note: str = ""
    error: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None without a goal. What is wrong or missing reaches none."""
        if not self.goal:
            return None
        if self.error or self.note.startswith("wrong"):
            return False
        sign, _, limit = self.goal.partition(" ")
        return _TESTS[sign](self.value, float(limit.replace(",", "")))


def median_of(name: str, runs: Sequence[float], unit: str, *, goal: str = "", note: str = "") -> Figure:
    """The figure of several runs. Raises statistics.StatisticsError for none."""
    return Figure(name=name, value=statistics.median(runs), unit=unit, goal=goal, runs=list(runs), note=note)


def missing(name: str, unit: str, error: str, *, goal: str = "") -> Figure:
    """A figure that could not be measured, and why."""
    return Figure(name=name, value=math.nan, unit=unit, goal=goal, error=error)
