"""Longs encoded by columns are the longs encoded one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.encoding import long
from streams.core.longs import encode_longs

LONGS = (
    st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 20_000) | st.sampled_from((0, 63, 64, -64, -65, 8191, 8192))
)


TABLES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(LONGS, min_size=width, max_size=width), min_size=1, max_size=8)
)


@given(TABLES)
def test_every_row_is_its_numbers_encoded_one_after_the_other(rows: list[list[int]]) -> None:
    table = np.array(rows, dtype=np.int64)
    assert encode_longs(table) == [b"".join(map(long, row)) for row in rows]


def test_no_rows_are_no_bytes() -> None:
    assert encode_longs(np.zeros((0, 17), dtype=np.int64)) == []
