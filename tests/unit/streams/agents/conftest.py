"""What tests of agents share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.streams.agents.segment_life import Life


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[list[Life]]:
    """Put a life in, and it is ended with the test."""
    made: list[Life] = []
    yield made
    for life in made:
        life.rows.close()
