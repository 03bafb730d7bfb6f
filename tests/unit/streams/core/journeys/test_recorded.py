"""Steps as records: the same history gives the same ones, byte for byte, and each has an id of its own."""

from __future__ import annotations

from random import Random

from schemas.avro import Codec
from schemas.journeys.steps import JourneyStep
from streams.core.journeys.flows import Flows
from streams.core.journeys.recorded import recorded
from tests.unit.streams.core.journeys.test_ride import Streamed
from tests.unit.streams.core.journeys.travels import DAY, random_journeys, random_travel

CODEC = Codec()


def told(seed: int, looks: float) -> list[bytes]:
    rng = Random(seed)
    flows, (facts, changes) = Flows(random_journeys(rng)), random_travel(rng, 40)
    steps = Streamed(flows, "r", changes, rng).play(facts, facts[-1].known_at + 60 * DAY, looks)
    return [CODEC.encode(record) for record in recorded("acme", "r", steps)]


def test_a_replay_in_another_batching_gives_the_same_bytes_and_every_step_has_its_own_id() -> None:
    for seed in range(60):
        once = told(seed, 0.0)
        assert once == told(seed, 0.9)
        records = [CODEC.decode(value, JourneyStep) for value in once]
        assert len({record.step_id for record in records}) == len(records)
        assert {(record.tenant, record.recipient_key) for record in records} <= {("acme", "r")}
