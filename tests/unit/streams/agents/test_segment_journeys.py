"""Journeys beside the segments of a partition: the steps are those of each recipient alone, whoever reads the log."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from random import Random

import pytest

from schemas.aggregates import Tick
from schemas.events import ActivityEvent
from schemas.journeys.canonical import from_json
from schemas.journeys.journey import Journey
from schemas.journeys.steps import JourneyStep, StepKind
from streams.core.journeys.along import Traveller
from streams.core.journeys.flows import Flows
from streams.core.journeys.recorded import recorded
from streams.core.segments.announced import unpacked
from streams.core.segments.fact import of_activity
from streams.core.segments.program import Program
from tests.segment_stand_in import DAY, WITHIN, rules
from tests.unit.streams.agents.segment_life import CODEC, START, Life, lived, order, tick

BOUGHT = """{"id": "bought", "tenant": "acme", "enter": {"event": {"name": "order_completed"}, "again": "after_exit"},
"exit_when": [{"if": {"event": {"name": "order_completed", "within": "9d", "count": {"gte": 3}}}}],
"steps": [{"wait_until": {"event": {"name": "order_completed"}, "for_at_most": "5d",
"then": [{"wait": "12h"}],
"else": [{"wait": "26d"}, {"branch": {"if": {"segment": "recent-buyers"}, "then": [{"wait": "1d"}]}}]}}]}"""
LOST = """{"id": "lost", "tenant": "acme", "enter": {"segment": "recent-buyers", "on": "exit", "again": "after_exit"},
"exit_when": [{"if": {"segment": "recent-buyers"}}], "steps": [{"wait": "%s"}]}"""


def journeys(waits: str = "5d") -> list[Journey]:
    return [from_json(BOUGHT), from_json(LOST % waits)]


def a_log() -> list[bytes]:
    dice, made, clock = Random(8), list[bytes](), START
    for number in range(700):
        clock += dice.randrange(6 * 3_600_000)
        late = dice.randrange(2 * DAY) if dice.random() < 0.15 else 0
        made.append(tick(clock) if dice.random() < 0.2 else order(number, dice.randrange(60), clock - late))
    return [*made, tick(clock + WITHIN + 10 * DAY)]


def alone(log: list[bytes]) -> dict[str, list[JourneyStep]]:
    """What each recipient goes through by itself."""
    flows = Flows(journeys())
    program = Program(unpacked(rules(journeys=journeys()).live))
    travellers, clock, found = dict[str, Traveller](), 0, defaultdict[str, list[JourneyStep]](list)
    for value in log:
        if value.startswith(CODEC.header(Tick)):
            clock = max(clock, CODEC.decode(value, Tick).at)
            continue
        event = CODEC.decode(value, ActivityEvent)
        clock, who = max(clock, event.received_at), event.recipient_key
        traveller = travellers.setdefault(who, Traveller(program, flows, who))
        found[who] += recorded("acme", who, traveller.take(of_activity(event, clock)))
    for who, traveller in travellers.items():
        found[who] += recorded("acme", who, traveller.advance(clock))
    return {who: steps for who, steps in found.items() if steps}


def by_recipient(steps: list[JourneyStep]) -> dict[str, list[JourneyStep]]:
    found: dict[str, list[JourneyStep]] = defaultdict(list)
    for step in steps:
        found[step.recipient_key].append(step)
    return dict(found)


@pytest.mark.parametrize("seed", range(5))
def test_lives_that_end_anywhere_walk_every_step_once(tmp_path: Path, seed: int) -> None:
    log = a_log()
    said, walked = lived(tmp_path, log, Random(300 + seed), journeys())
    assert by_recipient(walked) == alone(log)
    assert {step.kind for step in walked} >= {StepKind.ENTERED, StepKind.WAITED, StepKind.BRANCHED, StepKind.LEFT}
    assert {step.outcome for step in walked if step.kind == StepKind.LEFT} == {"done", "exit_when"}
    assert {step.journey_id for step in walked} == {"bought", "lost"}
    assert {each.segment_id for each in said} == {"recent-buyers"}, "rules of journeys are nobody's"


def test_a_changed_journey_goes_on_as_it_was_for_its_runs_and_one_that_is_gone_ends_them(
    tmp_path: Path, lives: list[Life]
) -> None:
    life = Life(tmp_path, [], journeys=journeys())
    lives.append(life)
    log = [order(1, 1, START), tick(START + WITHIN + DAY)]
    life.read(log, 2)
    while life.state.fire():
        pass
    other = CODEC.encode(rules(journeys=journeys("60d"), earlier=journeys()[1:], number=2))
    log += [other, tick(START + WITHIN + 6 * DAY), order(2, 2, START + WITHIN + 6 * DAY)]
    log += [tick(START + 2 * WITHIN + 7 * DAY)]
    life.read(log, len(log))
    while life.state.fire():
        pass
    life.flush()
    lost = [step for step in life.walked() if step.journey_id == "lost"]
    ends = {step.recipient_key[-1]: step.at for step in lost if step.outcome == "done"}
    assert ends == {"1": START + WITHIN + 5 * DAY}
    assert len({step.version for step in lost}) == 2
    log.append(CODEC.encode(rules(number=3)))
    life.flushed.clear()
    life.read(log, len(log))
    while life.state.fire():
        pass
    life.flush()
    ended = [step for step in life.walked() if step.journey_id == "lost"]
    assert [(step.recipient_key[-1], step.kind, step.outcome, step.cause, step.at) for step in ended] == [
        ("2", StepKind.LEFT, "gone", "rule", START + 2 * WITHIN + 7 * DAY)
    ]
