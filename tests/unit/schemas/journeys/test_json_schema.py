"""The JSON Schema of journeys takes what the models take and refuses what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from schemas.journeys.canonical import as_json
from schemas.journeys.journey import STEPS
from schemas.journeys.json_schema import json_schema
from schemas.journeys.phrases import STEP_EXAMPLES
from schemas.segments.texts import read_yaml
from tests.unit.schemas.json_schemas import faults
from tests.unit.streams.core.journeys.travels import random_journey

SCHEMA = json.loads(json.dumps(json_schema()))
EXAMPLES = sorted((Path(__file__).parents[4] / "examples" / "journeys").glob("*.yaml"))
RIGHT = "id: a\nenter: {segment: vip, on: exit}\nsteps: [wait: 1d, exit]"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_fit(path: Path) -> None:
    assert faults(read_yaml(path.read_text()), SCHEMA) == []


@pytest.mark.parametrize("kind", STEPS)
def test_the_example_of_each_step_fits(kind: str) -> None:
    journey = read_yaml(f"id: a\nenter: {{segment: vip}}\nsteps:\n- {STEP_EXAMPLES[kind]}")
    for written in (journey, [journey], {"tenant": "t", "journeys": [journey]}):
        assert faults(written, SCHEMA) == []


def test_every_journey_that_the_models_take_fits() -> None:
    for seed in range(100):
        assert faults(json.loads(as_json(random_journey(Random(seed), "j0"))), SCHEMA) == []


@pytest.mark.parametrize(
    "change",
    [
        ("id: a", "id: A"), ("enter:", "entr:"), ("segment: vip", "segment: 5"), ("on: exit", "on: leave"),
        ("wait: 1d", "wait: 1"), ("wait: 1d", "delay: 1d"), ("exit]", "exot]"), ("[wait: 1d, exit]", "[]"),
        ("wait: 1d", "branch: {if: {segmnt: vip}, then: [exit]}"), ("wait: 1d", "call: {webhook: crm, date: {}}"),
        ("wait: 1d", "split: {salt: a, parts: [{share: 1}, {share: 0}]}"), ("wait: 1d", "cap: {at_most: 2.5, per: 7d}"),
    ],
)  # fmt: skip
def test_what_the_models_refuse_does_not_fit(change: tuple[str, str]) -> None:
    assert faults(read_yaml(RIGHT), SCHEMA) == []
    assert faults(read_yaml(RIGHT.replace(*change)), SCHEMA)
