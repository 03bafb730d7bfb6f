"""Durations as people write them."""

from __future__ import annotations

import pytest

from schemas.errors import Misconfigured
from streams.local.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60), ("90", 90), ("2m", 120), ("1h", 3600), ("1m30s", 90), ("1.5m", 90),
        (" 45S ", 45), ("0.5s", 0.5), ("24h", 86_400),
    ],
)  # fmt: skip
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text, where="--for") == seconds


@pytest.mark.parametrize("text", ["", "soon", "60x", "-5s", "s", "1m2h", "0", "0s", "25h", "1 minute"])
def test_what_is_no_duration_is_refused_with_the_option_and_the_text(text: str) -> None:
    with pytest.raises(Misconfigured, match="--for: ") as caught:
        parse_duration(text, where="--for")
    assert repr(text) in str(caught.value)
