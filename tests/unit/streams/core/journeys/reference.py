"""Journeys once more, in the slowest way: every run is a walk over the steps as written, every instant is gone through.

It shares nothing with `streams/core/journeys/` but the kinds and ids of records. Memberships come as changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.journeys.canonical import journey_version
from schemas.journeys.endings import Ending, Happens
from schemas.journeys.journey import BranchStep, CallStep, CapStep, Journey, SplitStep, Step, WaitStep, WaitUntilStep
from schemas.journeys.steps import run_id
from schemas.segments.rules import SegmentNode
from streams.core.segments.fact import Fact
from streams.core.segments.recipient import Change

DAY = 86_400_000
LATE = 3 * DAY
MOST_SEEN, MOST_RUNS = 100, 20
Said = tuple[Any, ...]
"""Journey, version, run, number, kind, outcome, place, at, cause, key, data."""


class Over(Exception):
    """The run has left."""


@dataclass
class Stop:
    """Where a run waits: until `due`, or until this comes after `since`."""

    due: int
    ending: Ending | None = None
    since: int = 0


@dataclass
class Walker:
    """A run."""

    journey: Journey
    id: str
    key: str
    began: int
    number: int = 0
    entered_at: int = 0
    walk: Generator[Stop, str, None] | None = None
    stop: Stop = field(default_factory=lambda: Stop(0))


class World:
    """One recipient. `play` says all that happens."""

    def __init__(self, journeys: Sequence[Journey], recipient_key: str) -> None:
        self.journeys = sorted(journeys, key=lambda each: each.id)
        self.recipient_key = recipient_key
        self.members: set[str] = set()
        self.runs: list[Walker] = []
        self.once: set[str] = set()
        self.considered: list[tuple[str, int]] = []
        self.calls: list[tuple[str, int]] = []
        self.said: list[Said] = []
        self.now, self.cause = 0, ""

    def play(self, changes: Sequence[Change], facts: Sequence[Fact], end: int) -> list[Said]:
        """`changes`: by time and by facts, in order; those by a fact follow from it."""
        timed = [each for each in changes if not each.cause]
        for fact in facts:
            self.pass_time(timed, fact.known_at)
            self.now, self.cause = fact.known_at, fact.event_id
            self.take(fact, [each for each in changes if each.cause == fact.event_id and each.effective_at == self.now])
            changes = [each for each in changes if not (each.cause == fact.event_id and each.effective_at == self.now)]
        self.pass_time(timed, end)
        return self.said

    def pass_time(self, timed: list[Change], now: int) -> None:
        while True:
            nexts = [timed[0].effective_at] if timed else []
            nexts += [run.stop.due for run in self.runs]
            if not nexts or min(nexts) > now:
                return
            self.now, self.cause = min(nexts), ""
            together = [each for each in timed if each.effective_at == self.now]
            del timed[: len(together)]
            if together:
                self.take(None, together)
            while due := [run for run in self.runs if run.stop.due <= self.now]:
                self.go(due[0], "time")

    def take(self, fact: Fact | None, changes: Sequence[Change]) -> None:
        for change in changes:
            (self.members.add if change.is_member else self.members.discard)(change.segment_id)
        entries = [] if fact is None else self.entries(fact)
        if fact is not None and entries:
            if any(id_ == fact.event_id and self.now - LATE < at for id_, at in self.considered):
                fact, entries = None, []
            else:
                recent = [at for _, at in self.considered if at > self.now - LATE]
                if abs(fact.at - self.now) >= LATE or len(recent) >= MOST_SEEN:
                    entries = []
                else:
                    self.considered.append((fact.event_id, fact.at))
        for run in list(self.runs):
            self.stir(run, fact)
        for journey, key in entries:
            assert fact is not None
            self.enter(journey, key, fact.event_id, min(fact.at, self.now))
        for change in changes:
            for journey in self.journeys:
                enter = journey.enter
                if enter.segment == change.segment_id and change.is_member == (enter.on == "enter"):
                    self.enter(journey, "", f"{change.segment_id} {change.effective_at}", self.now)

    def entries(self, fact: Fact) -> list[tuple[Journey, str]]:
        found = []
        for journey in self.journeys:
            event = journey.enter.event
            if event and fact.name in event.name and fits(event.where, fact.properties):
                key = key_of(fact.properties.get(event.key)) if event.key else ""
                found += [(journey, key)] if key is not None else []
        return found

    def stir(self, run: Walker, fact: Fact | None) -> None:
        for ending in run.journey.exit_when:
            if self.comes(ending, run, fact, run.began - 1):
                self.leave(run, "exit_when", "")
                return
        if run.stop.ending is not None and self.comes(run.stop.ending, run, fact, run.stop.since):
            self.go(run, "event" if run.stop.ending.event else "if")

    def comes(self, ending: Ending, run: Walker, fact: Fact | None, since: int) -> bool:
        if ending.event is None:
            return self.holds(ending.if_)
        if fact is None or min(fact.at, self.now) <= since:
            return False
        return matches(ending.event, fact, run.key)

    def holds(self, rule: Any) -> bool:
        assert isinstance(rule, SegmentNode)
        return rule.segment.in_ in self.members

    def enter(self, journey: Journey, key: str, entering: str, began: int) -> None:
        mine = [run for run in self.runs if run.journey.id == journey.id]
        event = journey.enter.event
        again = journey.enter.again or ("per_key" if event and event.key else "after_exit")
        if again == "per_key":
            mine = [run for run in mine if run.key == key]
        if mine or journey.id in self.once:
            return
        id_ = run_id(journey.tenant, self.recipient_key, journey.id, key, entering)
        run = Walker(journey, id_, key, began, entered_at=self.now)
        if len(self.runs) >= MOST_RUNS:
            self.say(run, "refused", "too_many", "")
            return
        if again == "never":
            self.once.add(journey.id)
        self.runs.append(run)
        self.say(run, "entered", "", "")
        if any(ending.event is None and self.holds(ending.if_) for ending in journey.exit_when):
            self.leave(run, "exit_when", "")
            return
        run.walk = self.whole(run)
        self.go_on(run, None)

    def go(self, run: Walker, outcome: str) -> None:
        self.go_on(run, outcome)

    def go_on(self, run: Walker, outcome: str | None) -> None:
        assert run.walk is not None
        try:
            run.stop = run.walk.send(outcome) if outcome else next(run.walk)
        except (StopIteration, Over):
            if run in self.runs:
                self.runs.remove(run)

    def leave(self, run: Walker, outcome: str, place: str) -> None:
        self.say(run, "left", outcome, place)
        self.runs.remove(run)

    def say(self, run: Walker, kind: str, outcome: str, place: str, data: str = "") -> None:
        run.number += 1
        version = journey_version(run.journey)
        self.said.append(
            (run.journey.id, version, run.id, run.number, kind, outcome, place, self.now, self.cause, run.key, data)
        )

    def whole(self, run: Walker) -> Generator[Stop, str, None]:
        yield from self.steps(run, run.journey.steps, "steps")
        self.leave(run, "done", "")

    def steps(self, run: Walker, steps: Sequence[Step], place: str) -> Generator[Stop, str, None]:
        for number, step in enumerate(steps):
            yield from self.step(run, step, f"{place}[{number}]")

    def step(self, run: Walker, step: Step, place: str) -> Generator[Stop, str, None]:
        if isinstance(step, WaitStep):
            yield Stop(self.now + step.wait)
            self.say(run, "waited", "time", place)
        elif isinstance(step, WaitUntilStep):
            yield from self.until(run, step, place)
        elif isinstance(step, BranchStep):
            way = "then" if self.holds(step.branch.if_) else "else"
            self.say(run, "branched", way, place)
            yield from self.steps(
                run, step.branch.then if way == "then" else step.branch.else_, f"{place}.branch.{way}"
            )
        elif isinstance(step, SplitStep):
            part = drawn(step, self.recipient_key)
            self.say(run, "split", str(part), place)
            yield from self.steps(run, step.split.parts[part].steps, f"{place}.split.parts[{part}].steps")
        elif isinstance(step, CallStep):
            data = json.dumps(step.call.data, sort_keys=True, separators=(",", ":")) if step.call.data else ""
            self.say(run, "called", step.call.webhook, place, data)
            self.calls.append((run.journey.id, self.now))
        elif isinstance(step, CapStep):
            over = step.cap.over or (run.journey.id,)
            made = [at for id_, at in self.calls if id_ in over and self.now - step.cap.per < at]
            if len(made) >= step.cap.at_most:
                self.leave(run, "capped", place)
                raise Over
        else:
            self.leave(run, "exit", place)
            raise Over

    def until(self, run: Walker, step: WaitUntilStep, place: str) -> Generator[Stop, str, None]:
        until = step.wait_until
        outcome = "if"
        if until.event is not None or not self.holds(until.if_):
            since = run.began - 1 if self.now == run.entered_at and run.number == fresh(self.said, run) else self.now
            outcome = yield Stop(self.now + until.for_at_most, until, since)
        self.say(run, "waited", outcome, place)
        way = "else" if outcome == "time" else "then"
        yield from self.steps(run, until.else_ if way == "else" else until.then, f"{place}.wait_until.{way}")


def fresh(said: Sequence[Said], run: Walker) -> int:
    """The run's number, if all it has said it said when it entered and by what let it in."""
    mine = [each for each in said if each[2] == run.id]
    return run.number if all(each[7:9] == mine[0][7:9] for each in mine) else -1


def matches(event: Happens, fact: Fact, key: str) -> bool:
    is_named = fact.name in event.name and fits(event.where, fact.properties)
    return is_named and (event.same is None or key_of(fact.properties.get(event.same)) == key)


def fits(where: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
    return all(properties.get(path, -1) >= condition.gte for path, condition in where.items())


def key_of(value: Any) -> str | None:
    if value is None:
        return None
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def drawn(step: SplitStep, recipient_key: str) -> int:
    number = int(hashlib.sha256(f"{step.split.salt}:{recipient_key}".encode()).hexdigest()[:13], 16) / 16**13
    total = 0.0
    for place, part in enumerate(step.split.parts):
        total += part.share
        if number < total:
            return place
    return len(step.split.parts) - 1
