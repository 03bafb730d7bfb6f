"""A journey: how somebody gets in, what ends it at any step, and its steps, as people write them.

Everything has a bound: the steps, how deep they stand in each other, how long the longest way through takes; so a run
always has an end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from schemas.journeys.endings import Ending, Enter, If
from schemas.segments.conditions import Strict
from schemas.segments.durations import Duration, text_of
from schemas.segments.leaves import SegmentId
from schemas.segments.rules import TENANT

MOST_STEPS = 100  # of one journey, those in branches too
MOST_DEPTH = 5  # of steps in steps
MOST_ENDINGS = 10
MOST_PARTS = 20
MOST_CAPPED = 50  # calls that a cap may allow: so many times are kept of each journey
MOST_DATA_BYTES = 4_096  # of a call, as JSON
LONGEST_MS = 366 * 86_400_000  # from the first step to the last, by the longest way


class WaitUntil(Ending):
    """Wait for it, `for_at_most` so long; `then` if it came, `else` if time was over before. Both go on behind it."""

    for_at_most: Duration
    then: Steps = ()
    else_: Steps = Field(default=(), alias="else")


class Branch(Strict):
    """`then` if it is so at this instant, `else` if not. Both go on behind it."""

    if_: If = Field(alias="if")
    then: Steps = ()
    else_: Steps = Field(default=(), alias="else")

    @model_validator(mode="after")
    def _has_a_way(self) -> Branch:
        if not self.then and not self.else_:
            raise ValueError("a branch has steps under then, else, or both")
        return self


class Part(Strict):
    """Some of a split: a share of one, and the steps of those."""

    share: float = Field(gt=0, lt=1)
    steps: Steps = ()


class Split(Strict):
    """Everybody goes one of these ways, by chance; the same people each time, as `bucket` with the same `salt` has it.

    The first part is what `bucket` from 0 to its share is, and so on.
    """

    salt: str = Field(min_length=1, max_length=100)
    parts: tuple[Part, ...] = Field(min_length=2, max_length=MOST_PARTS)

    @model_validator(mode="after")
    def _is_whole(self) -> Split:
        whole = sum(part.share for part in self.parts)
        if abs(whole - 1) > 1e-9:
            raise ValueError(f"the shares come to {whole:g}; they must come to 1")
        return self


class Call(Strict):
    """Tell a webhook, which the configuration has under that name; `data` goes along as it is."""

    webhook: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
    data: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_small(self) -> Call:
        size = len(json.dumps(self.data).encode())
        if size > MOST_DATA_BYTES:
            raise ValueError(f"data has {size:,} bytes, more than {MOST_DATA_BYTES:,}; send the name of a template")
        return self


class Cap(Strict):
    """The run ends here if these journeys (this one where none is named) have made `at_most` calls in the last time."""

    at_most: int = Field(ge=1, le=MOST_CAPPED)
    per: Duration
    over: tuple[SegmentId, ...] = Field(default=(), max_length=MOST_ENDINGS)


class WaitStep(Strict):
    """`wait`: so long."""

    wait: Duration


class WaitUntilStep(Strict):
    """`wait_until`: see `WaitUntil`."""

    wait_until: WaitUntil


class BranchStep(Strict):
    """`branch`: see `Branch`."""

    branch: Branch


class SplitStep(Strict):
    """`split`: see `Split`."""

    split: Split


class CallStep(Strict):
    """`call`: see `Call`."""

    call: Call


class CapStep(Strict):
    """`cap`: see `Cap`."""

    cap: Cap


EXIT = "exit"
"""The step that ends the run."""

STEPS: dict[str, type[Strict]] = {
    "wait": WaitStep,
    "wait_until": WaitUntilStep,
    "branch": BranchStep,
    "split": SplitStep,
    "call": CallStep,
    "cap": CapStep,
}
KINDS: dict[type[Strict], str] = {model: kind for kind, model in STEPS.items()}


def _kind(value: Any) -> str | None:
    """The key that says what a step is; None for what is none."""
    if isinstance(value, Strict):
        return KINDS.get(type(value))
    if isinstance(value, Mapping) and len(value) == 1:
        key = next(iter(value))
        return key if key in STEPS else None
    return EXIT if value == EXIT else None


Step = Annotated[
    Annotated[WaitStep, Tag("wait")]
    | Annotated[WaitUntilStep, Tag("wait_until")]
    | Annotated[BranchStep, Tag("branch")]
    | Annotated[SplitStep, Tag("split")]
    | Annotated[CallStep, Tag("call")]
    | Annotated[CapStep, Tag("cap")]
    | Annotated[Literal["exit"], Tag(EXIT)],
    Discriminator(_kind),
]
Steps = Annotated[tuple[Step, ...], Field(max_length=MOST_STEPS)]


class Journey(Strict):
    """A journey of a tenant."""

    id: SegmentId
    tenant: str = Field(pattern=TENANT)
    description: str = ""
    enter: Enter
    exit_when: tuple[Ending, ...] = Field(default=(), max_length=MOST_ENDINGS)
    steps: Steps = Field(min_length=1)

    @model_validator(mode="after")
    def _is_bounded(self) -> Journey:
        found = list(each_step(self.steps))
        if len(found) > MOST_STEPS:
            raise ValueError(f"the journey has {len(found)} steps, more than {MOST_STEPS}; make two journeys of it")
        if (deep := max(depth for depth, _ in found)) > MOST_DEPTH:
            raise ValueError(f"steps stand {deep} deep in each other, more than {MOST_DEPTH}; make two journeys of it")
        if (longest := longest_ms(self.steps)) > LONGEST_MS:
            said = f"the longest way takes {text_of(longest)}, more than {text_of(LONGEST_MS)}"
            raise ValueError(f"{said}; enter a journey of its own by a segment instead")
        return self


def kind_of(step: Step) -> str:
    """The key that says what the step is."""
    return step if isinstance(step, str) else KINDS[type(step)]


def below(step: Step) -> list[tuple[str, Sequence[Step]]]:
    """The lists of steps in a step, each with its place in it, such as `then` and `parts[0].steps`."""
    if isinstance(step, WaitUntilStep):
        return [("then", step.wait_until.then), ("else", step.wait_until.else_)]
    if isinstance(step, BranchStep):
        return [("then", step.branch.then), ("else", step.branch.else_)]
    if isinstance(step, SplitStep):
        return [(f"parts[{number}].steps", part.steps) for number, part in enumerate(step.split.parts)]
    return []


def each_step(steps: Sequence[Step], depth: int = 1) -> Iterator[tuple[int, Step]]:
    """The steps and all in them, with their depth."""
    for step in steps:
        yield depth, step
        for _, inner in below(step):
            yield from each_step(inner, depth + 1)


def longest_ms(steps: Sequence[Step]) -> int:
    """How long the longest way through takes."""
    return sum(_own_ms(step) + max((longest_ms(inner) for _, inner in below(step)), default=0) for step in steps)


def _own_ms(step: Step) -> int:
    if isinstance(step, WaitStep):
        return step.wait
    return step.wait_until.for_at_most if isinstance(step, WaitUntilStep) else 0


for _model in (WaitUntil, Branch, Part, Split, WaitUntilStep, BranchStep, SplitStep, Journey):
    _model.model_rebuild()
