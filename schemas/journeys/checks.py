"""What is wrong or odd about journeys that can be read: names that nothing has, steps that nobody reaches.

An error is what can never work as written; a warning is about what is hardly meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from schemas.journeys.endings import Ending, Happens
from schemas.journeys.journey import (
    EXIT,
    BranchStep,
    CallStep,
    CapStep,
    Journey,
    Step,
    WaitStep,
    WaitUntilStep,
    below,
    each_step,
    kind_of,
)
from schemas.nearest import hint
from schemas.segments import property_checks
from schemas.segments.checks import check_rule, placed_nodes
from schemas.segments.findings import Finding, error, warning
from schemas.segments.places import under
from schemas.segments.rules import Rule, SegmentNode

Placed = tuple[Journey, str]
Known = Mapping[str, Collection[str]]
"""Ids by tenant."""


def check(placed: Sequence[Placed], segments: Known | None = None, webhooks: Known | None = None) -> list[Finding]:
    """All findings about journeys and the files they are from.

    `segments`, `webhooks`: ids and names that there are, by tenant; None: not known here, so nothing is said of them.
    """
    journeys: dict[str, set[str]] = {}
    for journey, _ in placed:
        journeys.setdefault(journey.tenant, set()).add(journey.id)
    return [
        finding._replace(file=file)
        for journey, file in placed
        for finding in _of_journey(journey, journeys[journey.tenant], segments, webhooks)
    ]


def placed_steps(steps: Sequence[Step], place: str) -> Iterator[tuple[str, Step]]:
    """The steps and all in them, each with its place: `steps[1]`, `steps[1].branch.then[0]`."""
    for number, step in enumerate(steps):
        own = under(place, number)
        yield own, step
        for name, inner in below(step):
            yield from placed_steps(inner, f"{own}.{kind_of(step)}.{name}")


def rules_of(journey: Journey) -> Iterator[tuple[str, Rule]]:
    """Each rule under `if`, with its place below the journey's."""
    for place, ending in _endings(journey):
        if ending.if_ is not None:
            yield under(place, "if"), ending.if_
    for place, step in placed_steps(journey.steps, "steps"):
        if isinstance(step, BranchStep):
            yield f"{place}.branch.if", step.branch.if_


def _endings(journey: Journey) -> Iterator[tuple[str, Ending]]:
    for number, ending in enumerate(journey.exit_when):
        yield under("exit_when", number), ending
    for place, step in placed_steps(journey.steps, "steps"):
        if isinstance(step, WaitUntilStep):
            yield f"{place}.wait_until", step.wait_until


def _of_journey(
    journey: Journey, journeys: Collection[str], segments: Known | None, webhooks: Known | None
) -> Iterator[Finding]:
    if journey.enter.event is not None:
        yield from property_checks.named(journey.enter.event, f"{journey.id}.enter.event")
    for place, ending in _endings(journey):
        if ending.event is not None:
            yield from _event(ending.event, f"{journey.id}.{place}.event", journey)
    for place, rule in rules_of(journey):
        yield from check_rule(rule, f"{journey.id}.{place}")
    if segments is not None:
        yield from _segments(journey, segments.get(journey.tenant, ()))
    for place, step in placed_steps(journey.steps, f"{journey.id}.steps"):
        yield from _step(step, place, journey, journeys, webhooks)
    yield from _unreached(journey.steps, f"{journey.id}.steps")
    if not any(isinstance(step, CallStep) for _, step in each_step(journey.steps)):
        yield warning(
            journey.id, "calls nobody; add a step such as - call: {webhook: crm}, or take it for a measurement"
        )


def _event(event: Happens, place: str, journey: Journey) -> Iterator[Finding]:
    yield from property_checks.named(event, place)
    entering = journey.enter.event
    if event.same is not None and (entering is None or entering.key is None):
        said = "compares with the run's key, but `enter.event` has none"
        yield error(under(place, "same"), f"{said}; write there key: {event.same}")


def _segments(journey: Journey, known: Collection[str]) -> Iterator[Finding]:
    named = [("enter.segment", journey.enter.segment)] if journey.enter.segment else []
    for place, rule in rules_of(journey):
        named += [(at, node.segment.in_) for at, node in placed_nodes(rule, place) if isinstance(node, SegmentNode)]
    for place, id_ in named:
        if id_ not in known:
            yield error(f"{journey.id}.{place}", f"no segment has the id {id_!r}; {_hint(id_, known, 'write one')}")


def _step(
    step: Step, place: str, journey: Journey, journeys: Collection[str], webhooks: Known | None
) -> Iterator[Finding]:
    if isinstance(step, CapStep):
        for id_ in step.cap.over:
            if id_ not in journeys:
                said = f"no journey has the id {id_!r}; {_hint(id_, journeys, 'take it out')}"
                yield error(f"{place}.cap.over", said)
    elif isinstance(step, CallStep) and webhooks is not None:
        known, name = webhooks.get(journey.tenant, ()), step.call.webhook
        if name not in known:
            said = f"no webhook of the tenant {journey.tenant} is named {name!r}"
            yield error(f"{place}.call.webhook", f"{said}; {_hint(name, known, 'write one under `journey_webhooks`')}")
    elif isinstance(step, WaitStep | WaitUntilStep) and _is_last(step, journey):
        yield warning(place, "is the last step, so nothing comes of the waiting; take it out")


def _is_last(step: Step, journey: Journey) -> bool:
    return step is journey.steps[-1] and not any(inner for _, inner in below(step))


def _unreached(steps: Sequence[Step], place: str) -> Iterator[Finding]:
    for number, step in enumerate(steps):
        for name, inner in below(step):
            yield from _unreached(inner, f"{under(place, number)}.{kind_of(step)}.{name}")
        if number and steps[number - 1] == EXIT:
            yield error(under(place, number), "nobody comes here, for `exit` stands before it; take one of them out")


def _hint(given: str, known: Collection[str], otherwise: str) -> str:
    return hint(given, known) if known else otherwise
