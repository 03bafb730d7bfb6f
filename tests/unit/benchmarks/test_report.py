"""What `make bench` prints and writes: goals, failures, widths, JSON that any reader takes."""

from __future__ import annotations

import json
import math

import pytest

from benchmarks import report
from benchmarks.figure import Figure, median_of, missing


@pytest.mark.parametrize(
    ("value", "goal", "is_met"),
    [
        (150_000.0, ">= 150,000", True),
        (149_999.0, ">= 150,000", False),
        (7.0, "<= 7", True),
        (150.0, "< 150", False),
        (1.0, "", None),
    ],
)
def test_a_goal_is_compared_as_it_is_written(value: float, goal: str, is_met: bool | None) -> None:
    assert Figure(name="n", value=value, unit="u", goal=goal).is_met is is_met


def test_wrong_totals_and_missing_values_reach_no_goal() -> None:
    assert Figure(name="n", value=9.0, unit="u", goal=">= 1", note="wrong totals").is_met is False
    assert missing("n", "u", "no broker", goal="<= 1").is_met is False


def test_the_median_of_the_runs_is_the_value_and_the_runs_are_kept() -> None:
    figure = median_of("n", [3.0, 1.0, 2.0], "u")
    assert (figure.value, figure.runs) == (2.0, [3.0, 1.0, 2.0])


def test_the_table_fits_80_columns_and_says_failures_plainly() -> None:
    long = " ".join(["reason"] * 40)
    figures = [median_of("a" * 60, [123_456_789.0], "events/s", goal=">= 150,000", note=long), missing("b", "x", long)]
    lines = report.table(figures)
    assert max(map(len, lines)) <= 80
    assert any("failed" in line for line in lines)
    assert any("123,456,789" in line and "yes" in line for line in lines)


def test_the_json_has_null_and_the_error_where_there_is_no_value() -> None:
    found = report.as_json({"cores": 2}, [missing("n", "x", "no broker"), median_of("m", [1.0], "s")], quick=True)
    back = json.loads(json.dumps(found, allow_nan=False))
    assert back["figures"][0] == {"name": "n", "value": None, "unit": "x", "goal": "", "runs": [], "error": "no broker"}
    assert back["figures"][1] == {"name": "m", "value": 1.0, "unit": "s", "goal": "", "runs": [1.0]}
    assert math.isnan(missing("n", "x", "e").value)


def test_a_missed_goal_is_sound_a_failure_and_wrong_totals_are_not() -> None:
    slow = median_of("n", [1.0], "u", goal=">= 2")
    assert report.is_sound([slow])
    assert not report.is_sound([slow, missing("m", "u", "e")])
    assert not report.is_sound([median_of("m", [1.0], "u", note="wrong totals")])
