"""The prober measures from the POST to the query that finds the event, and outlives an absent store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from streams.simulator.prober import Prober
from streams.simulator.truth import EventKey, Truth

KEY = EventKey("ses", "m1", "sent", 1_795_305_600_000, "a@gmail.com")


@dataclass
class Answer:
    result_rows: Sequence[Sequence[Any]]


@dataclass
class Table:
    rows: list[EventKey] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    is_away: bool = False

    def query(self, query: str) -> Answer:
        self.asked.append(query)
        if self.is_away:
            raise OperationalError("away")
        return Answer(self.rows)


def prober(table: Table, times: list[float]) -> Prober:
    truth = Truth("healthy", 7)
    truth.samples.append((100.0, KEY))
    return Prober(table, truth, wall=lambda: times.pop(0))


async def test_the_figure_is_the_time_to_the_query_that_found_it() -> None:
    table = Table()
    probe = prober(table, [100.2, 100.5])
    await probe.look()
    assert list(probe.end_to_end_ms) == []
    table.rows.append(KEY)
    await probe.look()
    assert list(probe.end_to_end_ms) == pytest.approx([500.0])
    await probe.look()
    assert len(table.asked) == 2, "what was found is not looked for again"


async def test_another_event_of_the_same_message_is_not_it() -> None:
    probe = prober(Table(rows=[KEY._replace(event_type="delivered")]), [100.2])
    await probe.look()
    assert list(probe.end_to_end_ms) == []


async def test_a_store_that_is_away_is_asked_again() -> None:
    table = Table(rows=[KEY], is_away=True)
    probe = prober(table, [101.0])
    await probe.look()
    table.is_away = False
    await probe.look()
    assert list(probe.end_to_end_ms) == pytest.approx([1000.0])
