"""One scenario's store at a time, for all tests of this folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from clickhouse_connect.driver.client import Client

from dashboards.grafana.expanded import Seen
from streams.simulator.scenarios import SCENARIOS
from tests.integration.store_process import StoreProcess
from tests.scenario.river import River, flow
from tests.scenario.store import fill

AFTER_MS = 60_000  # the boards are looked at a minute later
# Where the sink was late, so that there is one scenario in which events wait for their row.
LATE_BY_MS = {"flaky": 90_000}


class Told(NamedTuple):
    """A scenario that is over, with a store that holds it."""

    scenario: str
    river: River
    client: Client
    url: str

    @property
    def until_ms(self) -> int:
        return self.river.end_ms + AFTER_MS

    def seen(self, **chosen: str) -> Seen:
        """All of it, in steps of five minutes."""
        return Seen(from_ms=self.river.begin_ms, to_ms=self.until_ms, interval_s=300, chosen=chosen)


@pytest.fixture(scope="package", params=[scenario.name for scenario in SCENARIOS])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp(request.param)
    ends_ms = int(time.time()) // 60 * 60_000  # rows are kept for so long from now
    river = flow(request.param, ends_ms, folder / "segments")
    process = StoreProcess(folder / "store")
    client = process.start()
    fill(client, river, late_by_ms=LATE_BY_MS.get(request.param, 0))
    yield Told(request.param, river, client, process.url)
    process.stop()
