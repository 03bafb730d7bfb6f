"""The steps of a journey in one row, each as what it does to a run that comes to it.

An operation says where the run goes on (`STAYS`: it waits here; `LEAVES`: it is over), and has no state: that is in the
run. They only lead forward, so every walk ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from schemas.journeys.steps import StepKind
from streams.core.journeys.endings import Sign
from streams.core.journeys.kept import Kept, Run, note_call

STAYS, LEAVES = -1, -2
IsMember = Callable[[str], bool]
"""Whether the recipient is in the segment of that id, at the instant in question."""


class Step(NamedTuple):
    """What a run did; see `schemas.journeys.steps.JourneyStep`. `run_id` is hexadecimal."""

    journey_id: str
    version: str
    run_id: str
    number: int
    kind: StepKind
    outcome: str
    place: str
    at: int
    cause: str
    key: str
    data: str


@dataclass(slots=True)
class Moment:
    """An instant of a recipient in which runs move. `is_first`: of a run that has just begun.

    `capped`: for how long calls of a journey are counted, by its mark.
    """

    at: int
    cause: str
    recipient_key: str
    is_member: IsMember
    kept: Kept
    capped: dict[bytes, int]
    steps: list[Step] = field(default_factory=list)
    is_first: bool = False


class Route(Protocol):
    """A journey, as far as an operation needs to know."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def mark(self) -> bytes: ...  # noqa: D102


def say(
    route: Route, run: Run, moment: Moment, kind: StepKind, outcome: str = "", place: str = "", data: str = ""
) -> None:
    """Record what the run did."""
    run.number += 1
    moment.steps.append(
        Step(
            route.id, route.version, run.run_id.hex(), run.number, kind, outcome, place, moment.at, moment.cause,
            run.key, data,
        )
    )  # fmt: skip


class Op(Protocol):
    """One operation."""

    def go(self, route: Route, run: Run, moment: Moment, here: int) -> int:
        """What it does to a run that comes `here`; where it goes on."""
        ...


class Waiting(Protocol):
    """An operation at which a run stays."""

    @property
    def place(self) -> str: ...  # noqa: D102

    @property
    def late(self) -> int:
        """Where a run goes on whose time is over."""
        ...


class Wait(NamedTuple):
    """So many ms."""

    place: str
    length: int
    late: int

    def go(self, route: Route, run: Run, moment: Moment, here: int) -> int:  # noqa: ARG002 - like the others
        """Stay."""
        run.place, run.due = here, moment.at + self.length
        return STAYS


class Until(NamedTuple):
    """Stay until the sign comes, then to `then`; to `late` when time is over before."""

    place: str
    length: int
    sign: Sign
    then: int
    late: int

    def go(self, route: Route, run: Run, moment: Moment, here: int) -> int:
        """Stay, unless it is so already."""
        if self.sign.asked and moment.is_member(self.sign.asked):
            say(route, run, moment, StepKind.WAITED, "if", self.place)
            return self.then
        run.place, run.due = here, moment.at + self.length
        run.since = run.began - 1 if moment.is_first else moment.at
        return STAYS


class Branch(NamedTuple):
    """Right behind if they are in the segment, to `otherwise` if not."""

    place: str
    asked: str
    otherwise: int

    def go(self, route: Route, run: Run, moment: Moment, here: int) -> int:
        """Choose."""
        holds = moment.is_member(self.asked)
        say(route, run, moment, StepKind.BRANCHED, "then" if holds else "else", self.place)
        return here + 1 if holds else self.otherwise


class Split(NamedTuple):
    """By chance, which a hash is: as `bucket` has it. `bounds`: the upper ends of the parts but the last, of 2**52."""

    place: str
    salt: str
    bounds: tuple[float, ...]
    ways: tuple[int, ...]

    def go(self, route: Route, run: Run, moment: Moment, here: int) -> int:  # noqa: ARG002 - like the others
        """Choose."""
        text = f"{self.salt}:{moment.recipient_key}".encode("utf-8", "surrogatepass")
        drawn = int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 12
        part = sum(bound <= drawn for bound in self.bounds)
        say(route, run, moment, StepKind.SPLIT, str(part), self.place)
        return self.ways[part]


class Call(NamedTuple):
    """Tell a webhook: the record is what is told."""

    place: str
    webhook: str
    data: str

    def go(self, route: Route, run: Run, moment: Moment, here: int) -> int:
        """Record it, and count it where a cap does."""
        say(route, run, moment, StepKind.CALLED, self.webhook, self.place, self.data)
        if route.mark in moment.capped:
            note_call(moment.kept, route.mark, moment.at)
        return here + 1


class Cap(NamedTuple):
    """Over, if journeys of these marks made `most` calls in the last `length` ms."""

    place: str
    most: int
    length: int
    over: frozenset[bytes]

    def go(self, route: Route, run: Run, moment: Moment, here: int) -> int:
        """Count."""
        begin = moment.at - self.length
        calls = sum(mark in self.over and begin < at for mark, at in moment.kept.calls)
        if calls < self.most:
            return here + 1
        say(route, run, moment, StepKind.LEFT, "capped", self.place)
        return LEAVES


class Leave(NamedTuple):
    """Over."""

    place: str
    outcome: str

    def go(self, route: Route, run: Run, moment: Moment, here: int) -> int:  # noqa: ARG002 - like the others
        """Leave."""
        say(route, run, moment, StepKind.LEFT, self.outcome, self.place)
        return LEAVES


class Goto(NamedTuple):
    """Go on there."""

    target: int

    def go(self, route: Route, run: Run, moment: Moment, here: int) -> int:  # noqa: ARG002 - like the others
        """Go on."""
        return self.target
