"""Brokers for whole runs: topics have fixed names, so every run gets a broker of its own.

On the local broker only in the long form; the demo's own test runs there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers import StartKafka


@pytest.fixture(params=[pytest.param("tansu", marks=pytest.mark.slow), pytest.param("kafka", marks=pytest.mark.kafka)])
def broker_address(request: pytest.FixtureRequest, start_kafka: StartKafka, tmp_path: Path) -> str:
    """A fresh broker's address; "" lets the stack start the local one."""
    return start_kafka(tmp_path / "kafka").bootstrap if request.param == "kafka" else ""
