"""A store with segments in it, and the rules that it is about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.segments.files import load_segments
from schemas.segments.rules import Segment
from sinks.clickhouse import connect
from tests.integration.segment_console import filled_store
from tests.integration.store_process import StoreProcess


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def process(home: Path) -> Iterator[StoreProcess]:
    with filled_store(home) as found:
        yield found


@pytest.fixture
def client(process: StoreProcess) -> Iterator[Client]:
    found = connect(process.url)
    yield found
    found.close()


@pytest.fixture
def segments(home: Path) -> list[Segment]:
    return load_segments([home / "segments"])
