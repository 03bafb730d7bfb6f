"""The short, seeded form of `make fuzz`."""

from __future__ import annotations

from connectors.registry import CONNECTORS
from tests.fuzz import gates, parsers

SEED = 20261122


def test_no_damaged_body_makes_a_parser_raise_or_take_its_time() -> None:
    found = parsers.run(8_000, SEED)
    assert not found.faults
    assert set(found.by_provider) == {item.name for item in CONNECTORS}
    assert found.events > 1_000, "most damage leaves something to read"
    assert found.failures > 1_000
    assert found.grown_mb < 200


async def test_no_damaged_body_makes_the_gateway_answer_5xx() -> None:
    answers = await gates.run(1_000, SEED)
    assert not answers.faults
    assert answers.statuses[200] > 100
    assert answers.statuses[401] > 100
