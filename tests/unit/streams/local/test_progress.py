"""The progress line."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from streams.local.progress import WIDTH, ProgressLine, Rate, line_of


def test_the_line_says_what_matters() -> None:
    line = line_of(elapsed_s=83.4, posted=41_234, stored=41_000, rate=498.7, paused=["winter-clearance"])
    assert line == "1:23  posted 41,234  stored 41,000  499/s  paused: winter-clearance"


@pytest.mark.parametrize("paused", [[], ["a-campaign"], [f"campaign-{number}" for number in range(9)]])
def test_the_line_fits_eighty_columns(paused: list[str]) -> None:
    line = line_of(elapsed_s=7200, posted=3_600_000, stored=3_599_999, rate=499.9, paused=paused)
    assert len(line) <= WIDTH
    assert ("paused" in line) is True


def test_the_rate_is_that_of_the_last_five_seconds() -> None:
    rate = Rate()
    assert rate.update(0, 0.0) == 0.0
    for second in range(1, 11):
        rate.update(1000 * second, float(second))
    found = [rate.update(10_000 + 100 * second, 10.0 + second) for second in range(1, 7)]
    assert found[-1] == pytest.approx(100)


def test_without_a_terminal_a_line_is_printed_every_five_seconds() -> None:
    out, now = io.StringIO(), [0.0]
    with ProgressLine(Console(file=out), is_live=False, clock=lambda: now[0]) as line:
        for now[0] in (0.0, 1.0, 4.9, 5.0, 6.0, 10.0):
            line.show(f"at {now[0]:g}")
    assert out.getvalue().splitlines() == ["at 0", "at 5", "at 10"]


def test_on_a_terminal_the_line_changes_in_place() -> None:
    out = io.StringIO()
    with ProgressLine(Console(file=out, force_terminal=True, width=80), is_live=True) as line:
        line.show("first")
        line.show("second")
    assert "\x1b[" in out.getvalue()
    assert "first" in out.getvalue()
    assert "second" in out.getvalue()
