"""What is wrong or odd about rules that can be read: what never holds, names that nothing has, state without end.

An error is what can never work as written; a warning is about what is hardly meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from schemas.segments import property_checks
from schemas.segments.conditions import Amount, Condition
from schemas.segments.contradictions import contradictions
from schemas.segments.durations import text_of
from schemas.segments.findings import Finding, error, warning
from schemas.segments.leaves import DAY_MS, Aggregate, Bucket, Engagement, Events, Regularly
from schemas.segments.leaves import Sequence as Steps
from schemas.segments.places import under
from schemas.segments.references import circles, unknown
from schemas.segments.rules import AllNode, AnyNode, NotNode, Rule, Segment, SegmentNode, children, kind_of
from schemas.segments.satisfiable import always_amount, never_amount, never_condition

Placed = tuple[Segment, str]
_ENDLESS = "it keeps the newest events for ever, and is approximate where somebody has more than some hundred"


def check(placed: Sequence[Placed], retention_days: int | None = None) -> list[Finding]:
    """All findings about segments and the files they are from; `retention_days`: how long events are kept."""
    by_tenant: dict[str, dict[str, Segment]] = defaultdict(dict)
    for segment, _ in placed:
        by_tenant[segment.tenant].setdefault(segment.id, segment)
    known = {tenant: set(segments) for tenant, segments in by_tenant.items()}
    found: list[Finding] = []
    for segment, file in placed:
        own = (*check_rule(segment.rule, segment.id, retention_days), *_references(segment, known))
        found += [finding._replace(file=file) for finding in own]
    files = {(segment.tenant, segment.id): file for segment, file in placed}
    for tenant, segments in by_tenant.items():
        found += [finding._replace(file=files[tenant, finding.place]) for finding in circles(segments)]
    return found


def check_rule(rule: Rule, root: str, retention_days: int | None = None) -> Iterator[Finding]:
    """Findings about one rule by itself."""
    for place, node in placed_nodes(rule, root):
        if isinstance(node, (AllNode, AnyNode)):
            yield from contradictions(node, place)
        elif not isinstance(node, NotNode):
            yield from _leaf(node, place, retention_days)


def placed_nodes(rule: Rule, place: str) -> Iterator[tuple[str, Rule]]:
    """The node and all below it, each with the place of what stands below its key."""
    kind = kind_of(rule)
    inner = under(place, kind)
    yield inner, rule
    for index, child in enumerate(children(rule)):
        yield from placed_nodes(child, inner if kind == "not" else under(inner, index))


def _leaf(node: Rule, place: str, retention_days: int | None) -> Iterator[Finding]:
    leaf = next(iter(vars(node).values()))
    if not isinstance(leaf, BaseModel):
        return
    for inner, model in parts(leaf, place):
        yield from _part(model, inner)
        yield from property_checks.named(model, inner)
    yield from _endless(leaf, place)
    if retention_days is not None:
        yield from _too_far_back(leaf, place, retention_days)


def parts(model: BaseModel, place: str) -> Iterator[tuple[str, BaseModel]]:
    """The model and those inside of it that are written out, with their places."""
    yield place, model
    for name, field in type(model).model_fields.items():
        value: Any = getattr(model, name) if name in model.model_fields_set else None
        if isinstance(value, BaseModel):
            yield from parts(value, under(place, field.alias or name))
        elif isinstance(value, dict):
            here = under(place, field.alias or name)
            for key, part in value.items():
                if isinstance(part, BaseModel):
                    yield from parts(part, under(here, key))


def _part(model: BaseModel, place: str) -> Iterator[Finding]:
    """What a model says by itself, wherever it stands."""
    if isinstance(model, Condition) and (why := never_condition(model)):
        yield error(place, f"can never hold: {why}")
    elif isinstance(model, Bucket) and model.from_ == 0 and model.to == 1:
        yield warning(place, "everybody is in it; take it out, or narrow it")
    elif isinstance(model, Regularly):
        yield from _amount(model.count, under(place, "count"), floor=0)
        if model.count.holds(0) and not model.count.holds(1):
            span = text_of(model.every * model.periods)
            said = f"asks that it never happened in {model.periods} times {text_of(model.every)}"
            yield warning(place, f"{said}; shorter: event with count: 0 and within: {span}")
    elif isinstance(model, Aggregate):
        yield from _amount(model.is_, under(place, "is"), floor=0 if model.fn == "distinct" else None)
    elif isinstance(model, Engagement):
        yield from _amount(model.is_, under(place, "is"), floor=0 if min(model.weights.values()) >= 0 else None)
    elif isinstance(getattr(model, "count", None), Amount):
        yield from _amount(model.count, under(place, "count"), floor=0)  # type: ignore[attr-defined]
    elif isinstance(model, Steps) and model.then is not None and model.expire_after is not None:
        yield warning(under(place, "expire_after"), "means nothing beside `then`; take it out, or write `without`")


def _amount(amount: Amount, place: str, floor: float | None) -> Iterator[Finding]:
    least = float("-inf") if floor is None else floor
    if why := never_amount(amount, least):
        yield error(place, f"can never hold: {why}")
    elif floor is not None and always_amount(amount, floor):
        yield warning(place, f"always holds, as it is never less than {floor}; write for example {{gte: 1}}")


def _endless(leaf: BaseModel, place: str) -> Iterator[Finding]:
    """State that grows as long as events come."""
    has_window = getattr(leaf, "within", None) is not None or getattr(leaf, "between", None) is not None
    if isinstance(leaf, Aggregate) and leaf.fn == "distinct" and not has_window:
        yield warning(place, f"counts different values without a window: {_ENDLESS}; add for example within: 365d")
    elif isinstance(leaf, Aggregate) and not has_window:
        yield warning(place, f"reckons over all time: {_ENDLESS}; add for example within: 365d")
    elif isinstance(leaf, Events) and leaf.unless is not None and not has_window:
        yield warning(place, f"has `unless` without a window: {_ENDLESS}; add for example within: 365d")
    elif isinstance(leaf, Steps) and leaf.without is not None and leaf.expire_after is None:
        said = "holds for ever once it holds, and keeps every first event that was not followed"
        yield warning(place, f"{said}; add for example expire_after: 30d")


def _too_far_back(leaf: BaseModel, place: str, retention_days: int) -> Iterator[Finding]:
    for name, length in _looks_back(leaf):
        if length > retention_days * DAY_MS:
            said = f"looks back {text_of(length)}, but events are kept {retention_days}d"
            yield warning(under(place, name), f"{said}: for new segments older ones count as if they had not been")


def _looks_back(leaf: BaseModel) -> Iterable[tuple[str, int]]:
    """Keys that look back, and how far, in milliseconds."""
    if isinstance(leaf, Regularly):
        return [("periods", leaf.every * leaf.periods)]
    if isinstance(leaf, Steps):
        return [("within", leaf.within + (leaf.expire_after or 0))]
    between = getattr(leaf, "between", None)
    found = {"within": getattr(leaf, "within", None), "between": between and between[0]}
    found["for_at_least"] = getattr(leaf, "for_at_least", None)
    return [(name, length) for name, length in found.items() if length is not None]


def _references(segment: Segment, known: dict[str, set[str]]) -> Iterator[Finding]:
    for place, node in placed_nodes(segment.rule, segment.id):
        if isinstance(node, SegmentNode) and node.segment.in_ not in known[segment.tenant]:
            yield unknown(place, node.segment.in_, segment, known)
