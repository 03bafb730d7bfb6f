"""What a journey would have done to recipients whose facts are known: runs, ways, calls, and how long they took.

Each recipient is gone through alone, from their first fact on, as the service would have; nothing is sent. Of a step
four bytes are kept, for the median.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from statistics import median_low
from typing import NamedTuple

from schemas.journeys.steps import StepKind
from streams.core.journeys.along import Traveller
from streams.core.journeys.flows import Flows
from streams.core.journeys.ops import Step
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program

_MOST_S = (1 << 32) - 1  # of an unsigned array item; a run takes a year at most


class Way(NamedTuple):
    """Runs that a step had, with that outcome; `after_s`: the median of the seconds since they entered."""

    place: str
    kind: StepKind
    outcome: str
    runs: int
    after_s: int


class Tally:
    """Counts what one journey did. `since`: runs that entered earlier (ms) are not counted."""

    def __init__(self, journey_id: str, since: int) -> None:
        self._id, self._since = journey_id, since
        self.events = self.known = self.recipients = self.entered = self.refused = self.under_way = self.calls = 0
        self._seconds: dict[tuple[str, StepKind, str], array[int]] = {}

    def add(self, steps: Iterable[Step], events: int) -> None:
        """All steps of one recipient, in order, and how many events they come of."""
        entered_at: dict[str, int] = {}
        entered = left = 0
        for step in steps:
            if step.journey_id != self._id:
                continue
            if step.kind is StepKind.ENTERED and step.at >= self._since:
                entered_at[step.run_id] = step.at
                entered += 1
            elif step.kind is StepKind.REFUSED:
                self.refused += step.at >= self._since
            elif step.run_id in entered_at:
                self._note(step, step.at - entered_at[step.run_id])
                left += step.kind is StepKind.LEFT
        self.events, self.known = self.events + events, self.known + 1
        self.entered, self.recipients = self.entered + entered, self.recipients + (entered > 0)
        self.under_way += entered - left

    def _note(self, step: Step, after_ms: int) -> None:
        key = (step.place, step.kind, step.outcome)
        self._seconds.setdefault(key, array("I")).append(min(after_ms // 1_000, _MOST_S))
        self.calls += step.kind is StepKind.CALLED

    def ways(self, places: Sequence[str]) -> list[Way]:
        """What happened at which step, in the order of the places; leaving without one comes last."""
        order = {place: number for number, place in enumerate(places)}
        found = [Way(*key, len(seconds), median_low(seconds)) for key, seconds in self._seconds.items()]
        return sorted(found, key=lambda way: (order.get(way.place, len(order)), way.kind, way.outcome))


def simulate(
    program: Program, flows: Flows, facts: Iterable[tuple[str, Fact]], until: int, tally: Tally
) -> Iterator[str]:
    """Count into `tally`; gives each recipient's key when it is done with, so that progress can be shown.

    `facts`: each with its recipient's key, those of a recipient together and in the order in which they were known, all
    of them before `until`.
    """
    for key, theirs in groupby(facts, key=itemgetter(0)):
        traveller, steps, events = Traveller(program, flows, key), list[Step](), 0
        for _, fact in theirs:
            steps += traveller.take(fact)
            events += 1
        tally.add(steps + traveller.advance(until), events)
        yield key
