"""Times of syslog lines: with and without zone and year."""

from __future__ import annotations

from datetime import datetime

import pytest

from connectors.syslog import syslog_line, time_of


def ms(written: str) -> int:
    return int(datetime.fromisoformat(written).timestamp() * 1000)


@pytest.mark.parametrize(
    ("written", "zone", "received", "expected"),
    [
        ("2026-01-01T00:00:01.5+01:00", "", "2026-06-01T00:00:00Z", "2025-12-31T23:00:01.5Z"),
        ("2026-01-01T00:00:01+0000", "Europe/Berlin", "2026-06-01T00:00:00Z", "2026-01-01T00:00:01Z"),
        ("Jan  1 00:00:10", "", "2026-01-01T00:00:11Z", "2026-01-01T00:00:10Z"),
        ("Dec 31 23:59:59", "", "2026-01-01T00:00:11Z", "2025-12-31T23:59:59Z"),
        ("Jan  1 00:00:10", "", "2025-12-31T23:59:00Z", "2026-01-01T00:00:10Z"),  # a clock that is ahead
        ("Jan  3 00:00:10", "", "2025-12-31T23:59:00Z", "2025-01-03T00:00:10Z"),
        ("Jul  1 12:00:00", "Europe/Berlin", "2026-07-02T00:00:00Z", "2026-07-01T10:00:00Z"),
        ("Jan  1 12:00:00", "Europe/Berlin", "2026-07-02T00:00:00Z", "2026-01-01T11:00:00Z"),
        ("Jan  1 12:00:00", "-0330", "2026-07-02T00:00:00Z", "2026-01-01T15:30:00Z"),
        ("Jan  1 12:00:00", "+01:00", "2026-07-02T00:00:00Z", "2026-01-01T11:00:00Z"),
        ("Jan  1 12:00:00", "Nowhere/None", "2026-07-02T00:00:00Z", "2026-01-01T12:00:00Z"),
        ("Jan  1 12:00:00", "../../etc/passwd", "2026-07-02T00:00:00Z", "2026-01-01T12:00:00Z"),
        ("Feb 29 12:00:00", "", "2025-03-01T00:00:00Z", "2024-02-29T12:00:00Z"),
    ],
)
def test_a_time_is_the_nearest_before_its_receipt(written: str, zone: str, received: str, expected: str) -> None:
    assert time_of(written, zone, ms(received)) == ms(expected)


@pytest.mark.parametrize(
    "written", ["Foo  1 12:00:00", "Jan 45 12:00:00", "Jan  1 25:00:00", "2026-13-01T00:00:00Z", ""]
)
def test_what_is_no_time_is_unknown(written: str) -> None:
    assert time_of(written, "", ms("2026-01-01T00:00:00Z")) == 0


def test_a_line_has_time_program_and_text() -> None:
    assert syslog_line("<22>Jan  1 00:00:10 mx1 postfix/smtp[12]: A: to=<x>") == (
        "Jan  1 00:00:10", "postfix/smtp", "A: to=<x>",
    )  # fmt: skip
    assert syslog_line("2026-01-01T00:00:00Z mx1 kernel: text: more") == (
        "2026-01-01T00:00:00Z",
        "kernel",
        "text: more",
    )
    assert syslog_line("no syslog line") is None
