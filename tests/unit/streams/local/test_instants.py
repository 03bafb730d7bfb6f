"""Moments as people write them."""

from __future__ import annotations

import pytest

from schemas.errors import Misconfigured
from streams.local.instants import parse_instant

NOW = 1_793_527_200_000  # 2026-11-01 10:00 UTC
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("7d", NOW - 7 * 24 * HOUR),
        ("24h", NOW - 24 * HOUR),
        ("1h30m", NOW - HOUR - HOUR // 2),
        ("2026-11-01", NOW - 10 * HOUR),
        ("2026-11-01T09:30", NOW - HOUR // 2),
        ("2026-11-01 09:30:00", NOW - HOUR // 2),
        ("2026-11-01T11:00+02:00", NOW - HOUR),
        ("2026-11-01T10:00:00Z", NOW),
    ],
)
def test_a_date_and_how_long_ago_are_moments(text: str, at: int) -> None:
    assert parse_instant(text, NOW, where="--since") == at


@pytest.mark.parametrize("text", ["", "yesterday", "7", "-3d", "2026-13-01", "1d2h"])
def test_what_is_no_moment_is_refused_with_examples(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"--since: .* is no moment; write for example 7d"):
        parse_instant(text, NOW, where="--since")
